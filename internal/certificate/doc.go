// Package certificate has what a server needs to speak TLS: its configuration with certificates and CAs that are read
// again when their files change (serving.go), and certificates for trying it out (selfsigned.go).
//
// It decides nothing about who may do what: a certificate that a client shows is verified in internal/access.
// internal/manager calls it.
package certificate
