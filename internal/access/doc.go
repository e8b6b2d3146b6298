// Package access finds out who sends a request, and whether he may do what he asks for: Kubernetes' authentication and
// its RBAC, over the Roles, bindings and Tokens that the cache holds.
//
// It decides from what is in memory and asks nobody, but for an OIDC provider's keys. The server calls it once for
// every request, before anything else is done (internal/server/access.go). internal/manager makes it.
//
// # Where things are
//
//   - access.go: what the server calls; config.go: the options, and what makes an Access of them
//   - certificates.go: users with certificates, and a proxy that names users in headers; tokens.go,
//     oidc.go: bearer tokens; lastused.go: when a token was used last
//   - rules.go: Roles and bindings, by subject, kept up with the cache; match.go: whether a rule allows a request
//   - roles.go: the roles that are built in; escalation.go: nobody gives more than he has
package access
