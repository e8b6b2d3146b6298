package v1

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Bounds of a quantity's text. Reading or comparing one with a large exponent ("1e-100000000") makes a number of as
// many digits; reading one with many digits takes time that grows with the square of their number.
const (
	maxQuantity = 64
	maxExponent = 99
)

// CheckQuantity refuses a text that would be too expensive to parse as a quantity. The parser finds most other
// mistakes.
func CheckQuantity(text string) error {
	if len(text) > maxQuantity {
		return fmt.Errorf("a quantity must have at most %d characters", maxQuantity)
	}
	i := strings.LastIndexAny(text, "eE")
	if i < 0 || strings.Trim(text[i+1:], "+-0123456789") != "" {
		return nil // Ei, or no exponent at all
	}
	exponent := strings.TrimLeft(text[i+1:], "+-")
	if n, err := strconv.Atoi(exponent); exponent != "" && (err != nil || n > maxExponent) {
		return fmt.Errorf("the exponent of a quantity must be between -%d and %d", maxExponent, maxExponent)
	}
	return nil
}

// ParseQuantity is Kubernetes's parser, safe for texts from anywhere.
func ParseQuantity(text string) (resource.Quantity, error) {
	if err := CheckQuantity(text); err != nil {
		return resource.Quantity{}, err
	}
	return resource.ParseQuantity(text)
}
