package devcluster

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/jlaffaye/ftp"
)

// anonymous is the user as which curl, and so Mesos's fetcher, logs in to FTP servers if the URI names none.
const anonymous, anonymousPassword = "anonymous", "ftp@example.com"

// openFTP gets a file from an FTP server in passive mode. ftps means TLS from the first byte on.
func openFTP(ctx context.Context, uri string) (io.ReadCloser, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(u.Path, "\r\n") {
		return nil, errors.New("a line end in the path") // of which the server would make another command
	}
	f, secure := &ftpFile{}, &tls.Config{ServerName: u.Hostname()}
	dial := func(network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		f.stops = append(f.stops, context.AfterFunc(ctx, func() { _ = conn.Close() }))
		if u.Scheme == "ftps" {
			return tls.Client(conn, secure), nil
		}
		return conn, nil
	}
	port, options := "21", []ftp.DialOption{ftp.DialWithDialFunc(dial)}
	if u.Scheme == "ftps" {
		port, options = "990", append(options, ftp.DialWithTLS(secure))
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if f.server, err = ftp.Dial(net.JoinHostPort(u.Hostname(), port), options...); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	user, password := anonymous, anonymousPassword
	if u.User != nil {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	if err = f.server.Login(user, password); err == nil {
		f.content, err = f.server.Retr(strings.TrimPrefix(u.Path, "/"))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ftpFile is a file that is being transferred.
type ftpFile struct {
	server  *ftp.ServerConn
	content *ftp.Response
	stops   []func() bool // of what would cut the connections
}

// Read returns EOF only once the server has said that the transfer is complete.
func (f *ftpFile) Read(p []byte) (int, error) {
	n, err := f.content.Read(p)
	if errors.Is(err, io.EOF) {
		if incomplete := f.content.Close(); incomplete != nil {
			err = incomplete
		}
	}
	return n, err
}

// Close ends the connections. Errors of the server do not matter any more.
func (f *ftpFile) Close() error {
	if f.content != nil {
		_ = f.content.Close()
	}
	if f.server != nil {
		_ = f.server.Quit()
	}
	for _, stop := range f.stops {
		stop()
	}
	return nil
}
