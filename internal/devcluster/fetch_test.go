package devcluster

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/ulikunitz/xz"
)

// tarOf is a tar archive with a program in a directory, a symbolic and a hard link to it.
func tarOf(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	if members == nil {
		members = []tar.Header{
			{Typeflag: tar.TypeDir, Name: "kafka/bin/", Mode: 0o755},
			{Typeflag: tar.TypeReg, Name: "kafka/bin/run.sh", Mode: 0o755, Size: int64(len("echo run"))},
			{Typeflag: tar.TypeSymlink, Name: "kafka/current", Linkname: "bin"},
			{Typeflag: tar.TypeLink, Name: "kafka/again.sh", Linkname: "kafka/bin/run.sh"},
		}
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range members {
		if err := w.WriteHeader(&members[i]); err != nil {
			t.Fatal(err)
		}
		if members[i].Size > 0 {
			if _, err := w.Write([]byte("echo run")[:members[i].Size]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compressed(t testing.TB, data []byte, with func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := with(&out)
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	return compressed(t, data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func zipped(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	program := &zip.FileHeader{Name: "kafka/bin/run.sh"}
	program.SetMode(0o755)
	symlink := &zip.FileHeader{Name: "kafka/current"}
	symlink.SetMode(0o777 | os.ModeSymlink)
	for h, content := range map[*zip.FileHeader]string{program: "echo run", symlink: "bin", {Name: "kafka/empty/"}: ""} {
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fetching is an agent with a sandbox.
func fetching(t *testing.T) (*Agent, *run) {
	t.Helper()
	dir := t.TempDir()
	a := &Agent{fetched: &fetchCache{dir: filepath.Join(t.TempDir(), "fetch"), limit: 1 << 20}}
	x := &run{agent: a, dir: dir, framework: &mesos.FrameworkInfo{User: "root"}, info: &mesos.TaskInfo{Command: &mesos.CommandInfo{}}}
	if err := x.openStderr(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.log.Close() })
	return a, x
}

// fetchedInto is the tree of a sandbox but for the fetcher's log, which holds nothing else than that.
func fetchedInto(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := tree(t, dir)
	if log, rest := executorLog(got["stderr"]); len(log) == 0 || rest != "" {
		t.Errorf("standard error is not the log of a fetcher: %q", got["stderr"])
	}
	delete(got, "stderr")
	return got
}

// tree is what a directory holds: what files hold, where links lead, with a star for what is executable.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || e.IsDir():
			return err
		case e.Type()&os.ModeSymlink != 0:
			got[name], err = os.Readlink(path)
			return err
		}
		content, err := os.ReadFile(path)
		if info, statErr := e.Info(); statErr == nil && info.Mode()&0o111 != 0 {
			name += "*"
		}
		got[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFetchedArchivesAreUnpacked(t *testing.T) {
	plain := tarOf(t)
	bz := func() []byte { // there is no writer in the standard library
		program, err := exec.LookPath("bzip2")
		if err != nil {
			return nil
		}
		cmd := exec.Command(program)
		cmd.Stdin = bytes.NewReader(plain)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}()
	unpacked := map[string]string{"kafka/bin/run.sh*": "echo run", "kafka/current": "bin", "kafka/again.sh*": "echo run"}
	for name, archive := range map[string][]byte{
		"k.tar": plain, "k.tgz": gzipped(t, plain), "k.tar.gz": gzipped(t, plain), "k.tbz2": bz, "k.tar.bz2": bz,
		"k.txz": compressed(t, plain, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }), "k.zip": zipped(t),
		"run.sh.gz": gzipped(t, []byte("echo run")),
	} {
		t.Run(name, func(t *testing.T) {
			if archive == nil {
				t.Skip("bzip2 is not installed")
			}
			a, x := fetching(t)
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, archive, 0o600); err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(unpacked)
			switch {
			case name == "k.zip":
				delete(want, "kafka/again.sh*")
			case strings.HasPrefix(name, "run"):
				want = map[string]string{"c1-run.sh": "echo run"} // as Mesos has it
			}
			for _, cached := range []bool{true, false} {
				x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: "file://" + file, Cache: &cached}}
				if err := a.fetchAll(context.Background(), x, nil); err != nil {
					t.Fatal(err)
				}
				if !cached {
					want[name] = string(archive) // out of the cache, only what is in it is there
					if strings.HasPrefix(name, "run") {
						want["run.sh"] = "echo run"
					}
				}
				if diff := cmp.Diff(want, fetchedInto(t, x.dir)); diff != "" {
					t.Errorf("cached %v: %s", cached, diff)
				}
			}
		})
	}
}

func TestHowFetchedFilesAreWritten(t *testing.T) {
	archive := gzipped(t, tarOf(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/k.tgz", http.StatusFound)
		case "/k.tgz":
			_, _ = w.Write(archive)
		case "/run.sh":
			_, _ = io.WriteString(w, "echo run")
		case "/one.gz":
			_, _ = w.Write(gzipped(t, []byte("one")))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	yes, no := true, false
	for _, tc := range []struct {
		name string
		uri  mesos.CommandInfo_URI
		want map[string]string
		err  string
	}{
		{name: "as it is", uri: mesos.CommandInfo_URI{Value: "/run.sh"}, want: map[string]string{"run.sh": "echo run"}},
		{name: "executable", uri: mesos.CommandInfo_URI{Value: "/run.sh", Executable: &yes}, want: map[string]string{"run.sh*": "echo run"}},
		{name: "executable, out of the cache", uri: mesos.CommandInfo_URI{Value: "/run.sh", Executable: &yes, Cache: &yes}, want: map[string]string{"run.sh*": "echo run"}},
		{name: "under another name, in a directory", uri: mesos.CommandInfo_URI{Value: "/run.sh", OutputFile: ptr("bin/go")}, want: map[string]string{"bin/go": "echo run"}},
		{name: "an archive that stays one", uri: mesos.CommandInfo_URI{Value: "/k.tgz", Extract: &no}, want: map[string]string{"k.tgz": string(archive)}},
		{name: "executable archives stay, too", uri: mesos.CommandInfo_URI{Value: "/k.tgz", Executable: &yes}, want: map[string]string{"k.tgz*": string(archive)}},
		{name: "a name without an ending is no archive", uri: mesos.CommandInfo_URI{Value: "/moved"}, want: map[string]string{"moved": string(archive)}},
		{name: "a query is part of the name", uri: mesos.CommandInfo_URI{Value: "/k.tgz?a=b"}, want: map[string]string{"k.tgz?a=b": string(archive)}},
		{name: "the name it gets says what is unpacked", uri: mesos.CommandInfo_URI{Value: "/moved?a=b", OutputFile: ptr("lib/k.tgz")},
			want: map[string]string{"lib/k.tgz": string(archive), "kafka/bin/run.sh*": "echo run", "kafka/current": "bin", "kafka/again.sh*": "echo run"}},
		{name: "out of the cache, the URI says it", uri: mesos.CommandInfo_URI{Value: "/moved", OutputFile: ptr("k.tgz"), Cache: &yes}, want: map[string]string{"k.tgz": string(archive)}},
		{name: "unpacked into the sandbox itself", uri: mesos.CommandInfo_URI{Value: "/one.gz", OutputFile: ptr("lib/two.gz")},
			want: map[string]string{"lib/two.gz": string(gzipped(t, []byte("one"))), "two": "one"}},
		{name: "not there", uri: mesos.CommandInfo_URI{Value: "/none"}, err: "received HTTP return code 404"},
		{name: "not there, through the cache", uri: mesos.CommandInfo_URI{Value: "/none", Cache: &yes}, err: "received HTTP return code 404"},
		{name: "out of the sandbox", uri: mesos.CommandInfo_URI{Value: "/run.sh", OutputFile: ptr("../run.sh")}, err: "not a name inside the sandbox"},
		{name: "no name", uri: mesos.CommandInfo_URI{Value: "/"}, err: "missing path"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, x := fetching(t)
			tc.uri.Value = server.URL + tc.uri.Value
			x.info.Command.URIs = []mesos.CommandInfo_URI{tc.uri}
			err := a.fetchAll(context.Background(), x, nil)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			got := tree(t, x.dir)
			if tc.err != "" {
				if !strings.Contains(got["stderr"], tc.err) {
					t.Errorf("standard error %q doesn't say %q", got["stderr"], tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, fetchedInto(t, x.dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOtherSchemesGoToTheHadoopClient, of HADOOP_HOME or of the PATH.
func TestOtherSchemesGoToTheHadoopClient(t *testing.T) {
	home := t.TempDir()
	client := filepath.Join(home, "bin", "hadoop")
	script := `#!/bin/sh
case "$*" in
version) echo Hadoop 3.4 ;;
"fs -copyToLocal hdfs://namenode/jobs/run.sh "*) echo "echo run" > "$4" ;;
*) echo "No such file or directory: $*" >&2; exit 1 ;;
esac
`
	if err := os.Mkdir(filepath.Dir(client), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(client, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	fetch := func(uri string) (map[string]string, error) {
		a, x := fetching(t)
		x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: uri}}
		err := a.fetchAll(context.Background(), x, nil)
		return tree(t, x.dir), err
	}
	for name, set := range map[string]func(){
		"HADOOP_HOME": func() { t.Setenv("HADOOP_HOME", home) },
		"PATH":        func() { t.Setenv("HADOOP_HOME", ""); t.Setenv("PATH", filepath.Dir(client)+":"+os.Getenv("PATH")) },
	} {
		set()
		if got, err := fetch("hdfs://namenode/jobs/run.sh"); err != nil || got["run.sh"] != "echo run\n" {
			t.Errorf("by %s: %v, %v", name, got, err)
		}
	}
	if got, err := fetch("s3a://bucket/x"); err == nil || !strings.Contains(got["stderr"], "HDFS copyToLocal failed: exit status 1: No such file or directory: fs -copyToLocal s3a://bucket/x") {
		t.Errorf("its message is not reported: %v, %v", got, err)
	}
	t.Setenv("HADOOP_HOME", t.TempDir())
	if got, err := fetch("hdfs://namenode/jobs/run.sh"); err == nil || !strings.Contains(got["stderr"], "Failed to create HDFS client") {
		t.Errorf("without a client: %v, %v", got, err)
	}
}

func TestAnFTPPathIsNoCommand(t *testing.T) {
	a, x := fetching(t)
	x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: "ftp://127.0.0.1:1/x%0d%0aDELE%20y"}}
	if err := a.fetchAll(context.Background(), x, nil); err == nil || !strings.Contains(err.Error(), "a line end in the path") {
		t.Errorf("error %v", err)
	}
}

// TestTheHadoopClientEndsWithItsTask, and what it has started.
func TestTheHadoopClientEndsWithItsTask(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	began := filepath.Join(home, "began")
	script := "#!/bin/sh\ntest $1 = version && exit\n: > " + began + "\nsleep 1000\n"
	if err := os.WriteFile(filepath.Join(home, "bin", "hadoop"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HADOOP_HOME", home)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { _, err := open(ctx, "hdfs://namenode/x"); ended <- err }()
	eventually(t, "the client", func() bool { _, err := os.Stat(began); return err == nil })
	cancel()
	if err := <-ended; err == nil {
		t.Error("it has succeeded")
	}
}

// TestNoMemberOfAnArchiveLeavesTheSandbox: neither by its name nor through a link that an archive made.
func TestNoMemberOfAnArchiveLeavesTheSandbox(t *testing.T) {
	outside := t.TempDir()
	for name, members := range map[string][]tar.Header{
		"by its name":            {{Typeflag: tar.TypeReg, Name: "../stolen", Mode: 0o644, Size: 4}},
		"through a link":         {{Typeflag: tar.TypeSymlink, Name: "out", Linkname: outside}, {Typeflag: tar.TypeReg, Name: "out/stolen", Mode: 0o644, Size: 4}},
		"by a hard link":         {{Typeflag: tar.TypeLink, Name: "stolen", Linkname: "../../../etc/passwd"}},
		"by a link that is left": {{Typeflag: tar.TypeSymlink, Name: "out", Linkname: ".."}, {Typeflag: tar.TypeDir, Name: "out/stolen/", Mode: 0o755}},
	} {
		t.Run(name, func(t *testing.T) {
			a, x := fetching(t)
			file := filepath.Join(t.TempDir(), "evil.tar")
			if err := os.WriteFile(file, tarOf(t, members...), 0o600); err != nil {
				t.Fatal(err)
			}
			x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: file}}
			if err := a.fetchAll(context.Background(), x, nil); err == nil {
				t.Error("it was unpacked")
			}
			for _, dir := range []string{outside, filepath.Dir(x.dir)} {
				if _, err := os.Lstat(filepath.Join(dir, "stolen")); err == nil {
					t.Errorf("%s was written", dir)
				}
			}
		})
	}
}

// TestAbsoluteNamesAreRelativeToTheSandbox, as with tar.
func TestAbsoluteNamesAreRelativeToTheSandbox(t *testing.T) {
	a, x := fetching(t)
	file := filepath.Join(t.TempDir(), "abs.tar")
	if err := os.WriteFile(file, tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "/opt/x", Mode: 0o644, Size: 4}), 0o600); err != nil {
		t.Fatal(err)
	}
	x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: file, Cache: ptr(true)}}
	if err := a.fetchAll(context.Background(), x, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"opt/x": "echo"}, fetchedInto(t, x.dir)); diff != "" {
		t.Error(diff)
	}
}

// TestTheCacheAsksOnce for each user and URI, however many tasks want it at once.
func TestTheCacheAsksOnce(t *testing.T) {
	cache := &fetchCache{dir: t.TempDir(), limit: 1 << 20}
	var loads atomic.Int32
	load := func(path string) error {
		loads.Add(1)
		return os.WriteFile(path, []byte("x"), 0o600)
	}
	var wg sync.WaitGroup
	for range 20 {
		for _, user := range []string{"root", "hdfs"} {
			wg.Go(func() {
				path, done, err := cache.get(context.Background(), fetchKey{user, "http://x/y"}, load)
				if err != nil {
					t.Error(err)
					return
				}
				defer done()
				if content, err := os.ReadFile(path); string(content) != "x" {
					t.Errorf("%q %v", content, err)
				}
			})
		}
	}
	wg.Wait()
	if n := loads.Load(); n != 2 {
		t.Errorf("%d downloads, want one for each user", n)
	}
}

func TestTheCacheForgetsWhatWasNotUsedForLongest(t *testing.T) {
	cache := &fetchCache{dir: t.TempDir(), limit: 10}
	var loaded []string
	get := func(uri string, size int) (path string, done func()) {
		t.Helper()
		path, done, err := cache.get(context.Background(), fetchKey{"", uri}, func(path string) error {
			loaded = append(loaded, uri)
			return os.WriteFile(path, make([]byte, size), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		return path, done
	}
	use := func(uri string, size int) { t.Helper(); _, done := get(uri, size); done() }
	use("a", 4)
	use("b", 4)
	use("a", 4)
	use("c", 4) // b goes
	use("a", 4)
	use("b", 4) // again; c goes
	if want := []string{"a", "b", "c", "b"}; !slices.Equal(loaded, want) {
		t.Errorf("loaded %v, want %v", loaded, want)
	}
	// What is in use stays, whatever its size and age.
	path, done := get("huge", 100)
	for _, uri := range []string{"d", "e", "f"} {
		use(uri, 4)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	done()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is larger than the cache stays: %v", err)
	}
	files, err := os.ReadDir(cache.dir)
	if err != nil || len(files) > 2 || cache.size > cache.limit {
		t.Errorf("%d files of %d bytes: %v", len(files), cache.size, err)
	}
}

func TestWhatTheCacheCannotGetIsAskedForAgain(t *testing.T) {
	cache := &fetchCache{dir: t.TempDir(), limit: 10}
	failure := errors.New("no")
	if _, _, err := cache.get(context.Background(), fetchKey{"", "a"}, func(string) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	_, done, err := cache.get(context.Background(), fetchKey{"", "a"}, func(path string) error { return os.WriteFile(path, nil, 0o600) })
	if err != nil {
		t.Fatal(err)
	}
	done()
}

// TestModesOfSandboxesAndFetchedFiles are those of a real agent: who else is on the machine, or in a container as another user, reads
// neither.
func TestModesOfSandboxesAndFetchedFiles(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	defer server.Close()
	local := t.TempDir()
	for name, mode := range map[string]os.FileMode{"secret": 0o400, "tool": 0o700, "open": 0o664} {
		if err := errors.Join(os.WriteFile(filepath.Join(local, name), nil, 0o600), os.Chmod(filepath.Join(local, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	work := filepath.Join(t.TempDir(), "work")
	c := start(t, Config{WorkDir: work})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	task := shell(o, "t", "true")
	task.Command.URIs = []mesos.CommandInfo_URI{
		{Value: server.URL + "/data"}, {Value: server.URL + "/program", Executable: &yes},
		{Value: filepath.Join(local, "secret")}, {Value: filepath.Join(local, "tool"), Cache: &yes}, {Value: "file://" + filepath.Join(local, "open")},
	}
	s.launch(o, task)
	if states, last := s.follow(); *last.State != mesos.TASK_FINISHED {
		t.Fatalf("%v: %v", states, last)
	}
	sandbox, err := filepath.EvalSymlinks(filepath.Join(work, "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", "t", "runs", "latest"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]os.FileMode{
		work: dirMode(), filepath.Join(work, "slaves"): dirMode(), filepath.Join(work, "fetch", "0"): 0o700, sandbox: 0o750,
		filepath.Join(sandbox, "data"): 0o644, filepath.Join(sandbox, "program"): 0o750,
		filepath.Join(sandbox, "secret"): 0o400, filepath.Join(sandbox, "tool"): 0o700, filepath.Join(sandbox, "open"): 0o664,
	}
	for path, mode := range want {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != mode {
			t.Errorf("%s has mode %o, want %o", path, got, mode)
		}
	}
}
