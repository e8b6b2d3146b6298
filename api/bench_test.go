package api

import (
	"os"
	"testing"
)

// BenchmarkDecode reads one document as the cache does (JSON, as stored) and as a user writes it (YAML).
func BenchmarkDecode(b *testing.B) {
	yaml, err := os.ReadFile("testdata/full-job.yaml")
	if err != nil {
		b.Fatal(err)
	}
	obj, err := ParseOne(yaml)
	if err != nil {
		b.Fatal(err)
	}
	json, err := EncodeSpec(obj)
	if err != nil {
		b.Fatal(err)
	}
	small, err := EncodeSpec(mustParse(b, smallJob))
	if err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct {
		name string
		data []byte
	}{{"json, small", small}, {"json, every field", json}, {"yaml, small", []byte(smallJob)}, {"yaml, every field", yaml}} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(bm.data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeOne(bm.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
