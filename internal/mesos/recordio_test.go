package mesos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// frame returns body as one RecordIO frame.
func frame(body []byte) []byte { return append(fmt.Appendf(nil, "%d\n", len(body)), body...) }

func TestFrameReader(t *testing.T) {
	big := strings.Repeat("x", 3<<20)
	tests := []struct {
		name  string
		input string
		limit int
		want  []string
		err   error
	}{
		{name: "an empty stream ends", input: "", err: io.EOF},
		{name: "frames one after the other", input: "5\nhello1\n!", want: []string{"hello", "!"}, err: io.EOF},
		{name: "an empty frame is a frame", input: "0\n2\nab", want: []string{"", "ab"}, err: io.EOF},
		{name: "leading zeros", input: "0002\nab", want: []string{"ab"}, err: io.EOF},
		{name: "a frame that grows the buffer, then a small one", input: fmt.Sprintf("%d\n%s1\nz", len(big), big), want: []string{big, "z"}, err: io.EOF},
		{name: "a frame of just the limit", input: "4\nabcd", limit: 4, want: []string{"abcd"}, err: io.EOF},
		{name: "one more than the limit", input: "5\nabcde", limit: 4, err: ErrFrameTooLarge},
		{name: "two to the 63rd", input: "9223372036854775808\nabc", err: ErrFrameTooLarge},
		{name: "more than 64 bits", input: "99999999999999999999999999\n", err: ErrFrameTooLarge},
		{name: "zeros without end", input: strings.Repeat("0", 100), err: ErrMalformedFrame},
		{name: "the stream ends inside the length", input: "12", err: io.ErrUnexpectedEOF},
		{name: "the stream ends after the length", input: "12\n", err: io.ErrUnexpectedEOF},
		{name: "the stream ends inside the body", input: "12\nabc", err: io.ErrUnexpectedEOF},
		{name: "the stream ends inside a body that grows", input: "60000000\n" + big, err: io.ErrUnexpectedEOF},
		{name: "an empty line is no length", input: "\nabc", err: ErrMalformedFrame},
		{name: "a negative length", input: "-1\nabc", err: ErrMalformedFrame},
		{name: "a web page", input: "<html>", err: ErrMalformedFrame},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole":        strings.NewReader(tt.input),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.input)),
			} {
				got, err := readFrames(newFrameReader(r, tt.limit))
				if !errors.Is(err, tt.err) {
					t.Errorf("%s: error %v, want %v", how, err, tt.err)
				}
				if len(got) != len(tt.want) {
					t.Fatalf("%s: %d frames, want %d", how, len(got), len(tt.want))
				}
				for i := range got {
					if got[i] != tt.want[i] {
						t.Errorf("%s: frame %d differs: %d bytes, want %d", how, i, len(got[i]), len(tt.want[i]))
					}
				}
			}
		})
	}
}

func TestFrameReaderKeepsNoHugeBuffer(t *testing.T) {
	huge := frame(make([]byte, keepBuffer+1))
	r := newFrameReader(bytes.NewReader(append(huge, frame([]byte("small"))...)), 0)
	for range 2 {
		if _, err := r.next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(r.buf) > keepBuffer {
		t.Errorf("%d bytes are kept after a small frame", cap(r.buf))
	}
}

func TestFrameReaderAllocatesWhatArrives(t *testing.T) {
	r := newFrameReader(strings.NewReader("64000000\nonly this"), 0)
	if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("error %v", err)
	}
	if cap(r.buf) > firstGrowth {
		t.Errorf("%d bytes were allocated for a frame of which 9 came", cap(r.buf))
	}
}

func readFrames(r *frameReader) ([]string, error) {
	var got []string
	for {
		b, err := r.next()
		if err != nil {
			return got, err
		}
		got = append(got, string(b))
	}
}

// FuzzFrameReader: never a panic, never more than the limit, and what it reads is what is written again.
func FuzzFrameReader(f *testing.F) {
	for _, s := range []string{"", "5\nhello", "0\n", "9223372036854775808\n", "12\nabc", "-1\n", "1\na2\nbc", "00000\n1\nz"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 10
		frames, err := readFrames(newFrameReader(bytes.NewReader(data), limit))
		if err == nil {
			t.Fatal("a stream without an end")
		}
		var again []byte
		for _, s := range frames {
			if len(s) > limit {
				t.Fatalf("a frame of %d bytes", len(s))
			}
			again = append(again, frame([]byte(s))...)
		}
		twice, err := readFrames(newFrameReader(bytes.NewReader(again), limit))
		if !errors.Is(err, io.EOF) || len(twice) != len(frames) {
			t.Fatalf("written again: %d frames of %d, %v", len(twice), len(frames), err)
		}
	})
}

func BenchmarkFrameReader(b *testing.B) {
	one := frame(make([]byte, 300))
	r := newFrameReader(&endless{chunk: bytes.Repeat(one, 100)}, 0)
	b.ReportAllocs()
	b.SetBytes(int64(len(one)))
	for b.Loop() {
		if _, err := r.next(); err != nil {
			b.Fatal(err)
		}
	}
}

// endless repeats chunk.
type endless struct {
	chunk []byte
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.chunk[e.at:])
	e.at = (e.at + n) % len(e.chunk)
	return n, nil
}
