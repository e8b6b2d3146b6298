// Package arch holds the house rules that can be checked by reading the code: which package may import which, that every package says
// what it is, that deciding and acting stay apart. Each test fails with the reason for its rule.
package arch
