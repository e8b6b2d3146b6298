package devcluster

import (
	"errors"
	"os"
	"path"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// resolveSecrets reads the secrets that variables of the task refer to, as a secret resolver module would that finds them in
// Config.SecretsDir. Without a directory it is Mesos's own resolver (src/secret/resolver.cpp).
func (a *Agent) resolveSecrets(x *run) error {
	for _, v := range x.commandInfo().GetEnvironment().GetVariables() {
		if v.GetType() != mesos.Environment_Variable_SECRET || v.Secret.GetReference() == nil {
			continue
		}
		if a.c.cfg.SecretsDir == "" {
			return errors.New("Default secret resolver cannot resolve references") //nolint:staticcheck // Mesos's words
		}
		name := secretPath(v.Secret.Reference)
		value, err := a.readSecret(name)
		if err != nil {
			return err
		}
		if x.secrets == nil {
			x.secrets = map[string]string{}
		}
		x.secrets[name] = value
	}
	return nil
}

// readSecret reads a file of the secrets' directory, and none outside of it. A newline at its end is the editor's, not the secret's.
func (a *Agent) readSecret(name string) (string, error) {
	dir, err := os.OpenRoot(a.c.cfg.SecretsDir)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	value, err := dir.ReadFile(name)
	return strings.TrimRight(string(value), "\r\n"), err
}

// secretPath is the file of a secret.
func secretPath(r *mesos.Secret_Reference) string { return path.Join(r.Name, r.GetKey()) }
