package v1

import (
	"encoding/hex"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds of a Token.
const (
	maxUserName   = 256
	maxUserGroups = 64
)

// ValidateToken reports what is wrong with a Token that is to be stored.
func ValidateToken(t *Token) field.ErrorList {
	errs := validateMeta(&t.ObjectMeta, validation.IsDNS1123Subdomain)
	at := field.NewPath("spec")
	errs = append(errs, validateUserName(at.Child("user"), t.Spec.User)...)
	if len(t.Spec.Groups) > maxUserGroups {
		errs = append(errs, field.TooMany(at.Child("groups"), len(t.Spec.Groups), maxUserGroups))
		return errs
	}
	for i, g := range t.Spec.Groups {
		errs = append(errs, validateUserName(at.Child("groups").Index(i), g)...)
	}
	if raw, err := hex.DecodeString(t.Spec.Hash); err != nil || len(raw) != 32 {
		errs = append(errs, field.Invalid(at.Child("hash"), Shorten(t.Spec.Hash, 80),
			"must be the SHA-256 of the secret, 64 hexadecimal digits"))
	}
	return errs
}

func validateUserName(at *field.Path, name string) field.ErrorList {
	switch {
	case name == "":
		return field.ErrorList{field.Required(at, "a name")}
	case len(name) > maxUserName:
		return field.ErrorList{field.TooLong(at, "", maxUserName)}
	case slices.ContainsFunc([]rune(name), func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return field.ErrorList{field.Invalid(at, name, "must not have control characters")}
	}
	return nil
}

// ValidateTokenUpdate reports what is wrong with replacing a Token: nothing of it changes but its metadata.
func ValidateTokenUpdate(after, before *Token) field.ErrorList {
	errs := ValidateToken(after)
	a, b := after.Spec, before.Spec
	sameEnd := (a.Expires == nil) == (b.Expires == nil) && (a.Expires == nil || a.Expires.Equal(b.Expires.Time))
	if a.User != b.User || !slices.Equal(a.Groups, b.Groups) || a.Hash != b.Hash || !sameEnd {
		errs = append(errs, field.Forbidden(field.NewPath("spec"), "never changes: delete the Token and make another one"))
	}
	return errs
}
