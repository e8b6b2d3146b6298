// Package docs checks the documentation: its examples are valid, its links lead somewhere, and it covers the fields of a Job.
package docs
