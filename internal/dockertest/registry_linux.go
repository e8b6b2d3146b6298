package dockertest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"sync"
)

// Registry serves images on loopback, to which Docker speaks without TLS.
type Registry struct {
	// Address begins the names of its images.
	Address string

	mu    sync.Mutex
	blobs map[string][]byte // by digest, manifests too; guarded by mu
	tags  map[string]string // digests by name:tag; guarded by mu

	rootFS func() io.Reader
}

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// Registry starts an empty one, which runs until the test ends.
func (d *Daemon) Registry() *Registry {
	r := &Registry{blobs: map[string][]byte{}, tags: map[string]string{}, rootFS: d.rootFS}
	server := httptest.NewServer(r)
	d.t.Cleanup(server.Close)
	r.Address = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Push makes a busybox that runs a command an image of the registry, or puts it in the place of the one that had its name and tag.
func (r *Registry) Push(name, tag string, command ...string) error {
	var layer bytes.Buffer
	plain := sha256.New()
	zipped := gzip.NewWriter(&layer)
	if _, err := io.Copy(io.MultiWriter(zipped, plain), r.rootFS()); err != nil {
		return err
	}
	if err := zipped.Close(); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Cmd": command},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", plain.Sum(nil))}},
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": r.add(configType,
			config), "layers": []any{r.add(layerType, layer.Bytes())},
	})
	if err == nil {
		r.tags[name+":"+tag] = r.add(manifestType, manifest)["digest"].(string)
	}
	return err
}

// add keeps a blob and describes it. r.mu must be held.
func (r *Registry) add(mediaType string, blob []byte) map[string]any {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(blob))
	r.blobs[digest] = blob
	return map[string]any{"mediaType": mediaType, "size": len(blob), "digest": digest}
}

// ServeHTTP answers what a pull asks for: /v2/, /v2/NAME/manifests/REFERENCE and /v2/NAME/blobs/DIGEST.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/v2/" {
		return
	}
	dir, reference := path.Split(req.URL.Path)
	name := path.Dir(strings.TrimPrefix(path.Clean(dir), "/v2/"))
	r.mu.Lock()
	digest, tagged := r.tags[name+":"+reference]
	if !tagged {
		digest = reference
	}
	blob, ok := r.blobs[digest]
	r.mu.Unlock()
	if !ok {
		http.NotFound(w, req)
		return
	}
	if strings.HasSuffix(dir, "/manifests/") {
		w.Header().Set("Content-Type", manifestType)
	}
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
	_, _ = w.Write(blob)
}
