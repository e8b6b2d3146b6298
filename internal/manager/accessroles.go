package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/internal/access"
	"horae/internal/server"
	"horae/internal/store"
)

// keepAccess writes what access control writes, until ctx ends: when tokens were used last, and the roles that are built
// in, so that people see them.
func (m *Manager) keepAccess(ctx context.Context) error {
	wait := m.access.Start(ctx, m.store)
	defer wait()
	select {
	case <-m.cache.Synced():
	case <-ctx.Done():
		return nil
	}
	if m.cfg.Access.Mode == access.RBAC {
		for _, role := range access.BuiltInRoles(server.Resources()) {
			if err := m.ensureRole(ctx, role); err != nil && ctx.Err() == nil {
				m.log.Info("A role that is built in cannot be written; it holds all the same", "role", role.Name, "error", err.Error())
			}
		}
	}
	<-ctx.Done()
	return nil
}

// ensureRole writes a ClusterRole unless it is there as it should be, or somebody has said that it is to stay as it is.
func (m *Manager) ensureRole(ctx context.Context, role *rbacv1.ClusterRole) error {
	key := store.Key{Kind: store.ClusterRoles, Name: role.Name}
	guard := store.SpecAt(key, 0)
	if e := store.As[rbacv1.ClusterRole](m.cache.Get(key)); e != nil {
		if e.Object.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" || equality.Semantic.DeepEqual(e.Object.Rules, role.Rules) {
			return nil
		}
		guard = store.SpecAt(key, e.Rev.SpecMod)
		role.CreationTimestamp = e.Object.CreationTimestamp
	} else {
		role.CreationTimestamp = metav1.NewTime(m.now().UTC().Truncate(time.Second))
	}
	put, err := store.PutSpec(key, role)
	if err != nil {
		return err
	}
	_, err = m.store.Apply(ctx, store.Change{Guards: []store.Guard{guard}, Writes: []store.Write{put}})
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another manager does it as well
		return fmt.Errorf("write the role %s: %w", role.Name, err)
	}
	return nil
}
