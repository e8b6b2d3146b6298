package etcdtest

import "os"

// Backup stops the server, copies its data, and starts it again. It returns where the copy is.
func (s *Server) Backup() (dir string) {
	s.t.Helper()
	s.Stop()
	dir = s.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		s.t.Fatalf("back up etcd: %v", err)
	}
	s.Restart()
	return dir
}

// Restore stops the server and starts it on the data of a backup, or, for "", on none: what was written since has never happened,
// and its revisions are given out once more.
func (s *Server) Restore(backup string) {
	s.t.Helper()
	s.Stop()
	s.dir = s.t.TempDir()
	if backup != "" {
		if err := os.CopyFS(s.dir, os.DirFS(backup)); err != nil {
			s.t.Fatalf("restore etcd: %v", err)
		}
	}
	s.Restart()
}
