package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	v1 "horae/api/v1"
)

// archivesOf makes one archive of each kind, by its ending, with a file in it that says which it is.
func archivesOf(t *testing.T) map[string][]byte {
	t.Helper()
	tarred := func(kind string) []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "in/" + kind, Mode: 0o644, Size: int64(len(kind) + 1)})
		if err == nil {
			_, err = io.WriteString(w, kind+"\n")
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	written := func(data []byte, with func(io.Writer) (io.WriteCloser, error)) []byte {
		var out bytes.Buffer
		w, err := with(&out)
		if err == nil {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	gz := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
	all := map[string][]byte{
		"tar": tarred("tar"), "tgz": written(tarred("tgz"), gz), "gz": written([]byte("gz\n"), gz),
		"txz": written(tarred("txz"), func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
	}
	var zipped bytes.Buffer
	w := zip.NewWriter(&zipped)
	f, err := w.Create("in/zip")
	if err == nil {
		_, err = io.WriteString(f, "zip\n")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all["zip"] = zipped.Bytes()
	if bzip2, err := exec.LookPath("bzip2"); err == nil { // the standard library only reads it
		cmd := exec.Command(bzip2)
		cmd.Stdin = bytes.NewReader(tarred("tbz2"))
		if all["tbz2"], err = cmd.Output(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestFetch: files come over https from a server whose CA the agent trusts, over ftp and ftps, by a Hadoop client and from the
// agent's disk; archives of every kind are unpacked.
func TestFetch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t)
	certFile, keyFile := ca.issue(t, dir, "repo", x509.ExtKeyUsageServerAuth)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	archives := archivesOf(t)
	mux := http.NewServeMux()
	for kind, content := range archives {
		mux.HandleFunc("/a."+kind, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) })
	}
	mux.HandleFunc("/hello.sh", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "#!/bin/sh\necho hello\n") })
	https := httptest.NewUnstartedServer(mux)
	https.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	https.StartTLS()
	t.Cleanup(https.Close)
	stranger := httptest.NewUnstartedServer(mux) // whose CA nobody trusts
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	ftp := &ftpServer{files: map[string]string{"pub/x.txt": "by ftp\n", "pub/broken.txt": "half\n"}}
	ftp.start(t)
	ftps := &ftpServer{files: map[string]string{"pub/y.txt": "by ftps\n"}, tls: https.TLS}
	ftps.start(t)
	hadoop := filepath.Join(dir, "bin", "hadoop")
	if err := os.Mkdir(filepath.Dir(hadoop), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hadoop, []byte("#!/bin/sh\ntest $1 = version || echo \"$2 of $3\" > \"$4\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := devWith(t, []string{"SSL_CERT_FILE=" + writePEM(t, dir, "ca.pem", "CERTIFICATE", ca.der), "HADOOP_HOME=" + dir})

	var uris []string
	unpacked, names := "", []string{}
	for _, kind := range []string{"tar", "tgz", "tbz2", "txz", "zip", "gz"} {
		if archives[kind] == nil {
			t.Logf("%s is not tested: bzip2 is not installed", kind)
			continue
		}
		uris = append(uris, fmt.Sprintf("{uri: %q}", https.URL+"/a."+kind))
		unpacked += kind + "\n"
		names = append(names, map[bool]string{true: "a", false: "in/" + kind}[kind == "gz"])
	}
	fetch := func(shell string, list ...string) string {
		return fmt.Sprintf("  task:\n    shell: %q\n    fetch: [%s]\n", shell, strings.Join(list, ", "))
	}
	m.runTasks(t, []taskCase{
		{name: "archives", spec: fetch("cat "+strings.Join(names, " "), uris...), stdout: unpacked},
		{name: "left-as-it-is", spec: fetch("ls | grep -v std; tar tzf a.tgz", fmt.Sprintf("{uri: %q, extract: false}", https.URL+"/a.tgz")), stdout: "a.tgz\nin/tgz\n"},
		{name: "executable", spec: fetch("./hello.sh && bin/hi", fmt.Sprintf("{uri: %q, executable: true}", https.URL+"/hello.sh"),
			fmt.Sprintf("{uri: %q, executable: true, cache: true, outputFile: bin/hi}", https.URL+"/hello.sh")), stdout: "hello\nhello\n"},
		{name: "query", spec: fetch("cat in/tgz", fmt.Sprintf("{uri: %q, outputFile: a.tgz}", https.URL+"/a.tgz?token=x/y")), stdout: "tgz\n"},
		{name: "ftp", spec: fetch("cat x.txt own.txt", fmt.Sprintf("{uri: %q}", "ftp://"+ftp.address+"/pub/x.txt"),
			fmt.Sprintf("{uri: %q, outputFile: own.txt}", "ftp://hdfs:s3cret@"+ftp.address+"/pub/x.txt")), stdout: "by ftp\nby ftp\n"},
		{name: "ftps", spec: fetch("cat y.txt", fmt.Sprintf("{uri: %q}", "ftps://"+ftps.address+"/pub/y.txt")), stdout: "by ftps\n"},
		{name: "hdfs", spec: fetch("cat job.jar", "{uri: 'hdfs://namenode/apps/job.jar'}"), stdout: "-copyToLocal of hdfs://namenode/apps/job.jar\n"},
		{name: "file", spec: fetch("cat bin/hadoop | head -1", fmt.Sprintf("{uri: %q, outputFile: bin/hadoop}", "file://"+hadoop)), stdout: "#!/bin/sh\n"},

		{name: "stranger", spec: fetch("true", fmt.Sprintf("{uri: %q}", stranger.URL+"/hello.sh")), phase: v1.RunFailed, reason: "LaunchFailed", stderr: "certificate"},
		{name: "ftp-refused", spec: fetch("true", fmt.Sprintf("{uri: %q}", "ftp://hdfs:wrong@"+ftp.address+"/pub/x.txt")), phase: v1.RunFailed, reason: "LaunchFailed", stderr: `530 "not logged in"`},
		{name: "ftp-none", spec: fetch("true", fmt.Sprintf("{uri: %q}", "ftp://"+ftp.address+"/none")), phase: v1.RunFailed, reason: "LaunchFailed", stderr: `550 "none: no such file"`},
		{name: "ftp-broken", spec: fetch("true", fmt.Sprintf("{uri: %q}", "ftp://"+ftp.address+"/pub/broken.txt")), phase: v1.RunFailed, reason: "LaunchFailed", stderr: `426 "connection closed; transfer aborted"`},
	})
}
