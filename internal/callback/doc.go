// Package callback has what is pure about callbacks: the token that an attempt's task gets (token.go), and what one
// callback makes of those before it (merge.go). The run controller makes tokens and reads the result; the server checks
// tokens and stores it. The package reads no clock and no random numbers, and stores nothing.
package callback
