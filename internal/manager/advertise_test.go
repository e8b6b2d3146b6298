package manager

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
)

func TestAdvertisedAddress(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		listen, configured string
		ownMesos           bool
		want               string // without the port, unless it was configured
		warns              bool
	}{
		"loopback":                       {listen: "127.0.0.1:0", want: "http://127.0.0.1", warns: true},
		"loopback, of IPv6":              {listen: "[::1]:0", want: "http://[::1]", warns: true},
		"loopback, with the dev cluster": {listen: "127.0.0.1:0", ownMesos: true, want: "http://127.0.0.1"},
		"every address":                  {listen: "0.0.0.0:0", want: "http://" + host},
		"as configured":                  {listen: "127.0.0.1:0", configured: "https://horae.example.com:8443/", want: "https://horae.example.com:8443"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", tc.listen)
			if err != nil {
				t.Skipf("this machine has no such address: %v", err)
			}
			defer l.Close()
			var log bytes.Buffer
			m := &Manager{cfg: Config{Listen: tc.listen, AdvertiseURL: tc.configured}, listener: l, ownMesos: tc.ownMesos,
				log: newLog(&log, LogConfig{Format: "text"})}
			got := m.advertised()
			if tc.configured == "" {
				got = got[:strings.LastIndexByte(got, ':')]
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			m.warnUnreachable()
			if warned := strings.Contains(log.String(), "cannot call back"); warned != tc.warns {
				t.Errorf("it warns: %v\n%s", warned, log.String())
			}
		})
	}
}

func TestAdvertiseURLIsChecked(t *testing.T) {
	for value, want := range map[string]string{
		"http://a:8080": "", "https://horae.example.com": "", "https://[fe80::1]:8080/": "",
		"horae.example.com:8080": "must be http://host:port or https://host:port",
		"ftp://a":                "must be http://host:port or https://host:port",
		"http://":                "must be http://host:port or https://host:port",
		"http://a:b:c":           "is no URL",
		"http://u:p@a":           "must be scheme, host and port only, as in http://a",
		"https://a/horae":        "must be scheme, host and port only, as in https://a",
		"https://a?b=c":          "must be scheme, host and port only, as in https://a",
	} {
		got := ""
		if err := checkAdvertiseURL(value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	if _, err := Parse([]string{"--dev", "--advertise-url", "horae"}, func(string) string { return "" }); err == nil ||
		!strings.Contains(err.Error(), `advertiseURL: "horae": must be http://host:port`) {
		t.Errorf("the command line: %v", err)
	}
}
