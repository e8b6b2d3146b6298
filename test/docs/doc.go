// Package docs checks the documentation: its examples are valid, its links lead somewhere, it covers the fields of a Job, and the
// numbers that it repeats are those of the code.
package docs
