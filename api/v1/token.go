package v1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Token lets whoever has its secret act as a user. The secret is shown once, when the Token is made; what is kept is
// its hash. To revoke it, delete the Token.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=tokens,singular=token,scope=Cluster
type Token struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TokenSpec   `json:"spec"`
	Status TokenStatus `json:"status,omitempty,omitzero"`
}

// TokenList is a list of Tokens as the API returns it.
//
// +kubebuilder:object:root=true
type TokenList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Token `json:"items"`
}

// TokenSpec names the user that the token stands for. It never changes.
type TokenSpec struct {
	// User is the name of the user.
	User string `json:"user"`
	// Groups of the user.
	// +optional
	Groups []string `json:"groups,omitempty"`
	// Expires is when the token ends; without it, it does not.
	// +optional
	Expires *Time `json:"expires,omitempty"`
	// Hash is the SHA-256 of the secret, in hexadecimal digits. The server makes a secret and its hash when a Token is
	// created without one.
	// +optional
	Hash string `json:"hash,omitempty"`
}

// TokenStatus is what managers have seen of a token.
type TokenStatus struct {
	// LastUsed is when the token was used last, to the hour.
	// +optional
	LastUsed *Time `json:"lastUsed,omitempty"`
	// Secret is in the answer to the request that makes the token, and nowhere else: it is not stored.
	// +optional
	Secret string `json:"secret,omitempty"`
}

// Expired reports whether the token has ended.
func (t *Token) Expired(now time.Time) bool {
	return t.Spec.Expires != nil && !now.Before(t.Spec.Expires.Time)
}
