package statistics

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// version of the encoding: the first byte of each payload. The checksum follows, and then the content.
const version = 1

const headerBytes = 1 + crc32.Size

// seal makes the text of a payload's content.
func seal(content []byte) string {
	payload := make([]byte, 0, headerBytes+len(content))
	payload = append(payload, version)
	payload = binary.LittleEndian.AppendUint32(payload, crc32.ChecksumIEEE(content))
	return base64.StdEncoding.EncodeToString(append(payload, content...))
}

// unseal returns the content of a text.
func unseal(text string) ([]byte, error) {
	payload, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode base64: %w", err)
	case len(payload) < headerBytes:
		return nil, errors.New("it is too short")
	case payload[0] != version:
		return nil, fmt.Errorf("its version is %d, and this program reads version %d", payload[0], version)
	}
	content := payload[headerBytes:]
	if crc32.ChecksumIEEE(content) != binary.LittleEndian.Uint32(payload[1:]) {
		return nil, errors.New("its checksum is wrong")
	}
	return content, nil
}

// contained turns a panic into an error. The library trusts the bytes of a sketch; here anybody may have written them.
func contained(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading it panicked: %v", p)
		}
	}()
	return f()
}

func (d *distribution) append(b []byte) []byte {
	b = binary.AppendUvarint(b, d.count)
	if d.count == 0 {
		return b
	}
	b = binary.AppendUvarint(b, d.sum)
	b = binary.AppendUvarint(b, d.max)
	b = binary.AppendUvarint(b, uint64(len(d.bins)))
	return append(b, d.bins...)
}

// The flags of a sample's first byte. The outcome is in the lowest two bits.
const (
	outcomeMask = 1<<2 - 1
	hasDuration = 1 << 2
	hasWaiting  = 1 << 3
)

// appendSample writes a sample; its finish is in seconds after that of the sample before.
func appendSample(b []byte, s Sample, previous int64) []byte {
	flags := byte(s.Outcome)
	if s.Duration >= 0 {
		flags |= hasDuration
	}
	if s.Waiting >= 0 {
		flags |= hasWaiting
	}
	b = append(b, flags)
	b = binary.AppendVarint(b, s.Finish.Unix()-previous)
	for _, d := range []time.Duration{s.Duration, s.Waiting} {
		if d >= 0 {
			b = binary.AppendUvarint(b, uint64(min(d, longest).Round(time.Millisecond)/time.Millisecond))
		}
	}
	return b
}

// reader reads a content. After the first error it reads zeros.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

func (r *reader) uvarint() uint64 { return number(r, binary.Uvarint) }

func (r *reader) varint() int64 { return number(r, binary.Varint) }

// number reads one by a function of package binary, which returns it with its length; without length there is none.
func number[T int64 | uint64](r *reader, read func([]byte) (T, int)) T {
	v, n := read(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bytes returns the next n bytes; the slice is shared.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) distribution() distribution {
	var d distribution
	if d.count = r.uvarint(); d.count > 0 {
		d.sum, d.max = r.uvarint(), r.uvarint()
		d.bins = r.bytes(r.uvarint())
	}
	if d.max > uint64(longest/time.Millisecond) {
		r.fail(errors.New("it has a length of time that is too long"))
		return distribution{}
	}
	return d
}

func (r *reader) sample(previous int64) Sample {
	flags := r.bytes(1)
	if flags == nil {
		return Sample{}
	}
	s := Sample{Outcome: Outcome(flags[0] & outcomeMask), Duration: None, Waiting: None}
	s.Finish = time.Unix(previous+r.varint(), 0).UTC()
	for _, part := range []struct {
		flag byte
		of   *time.Duration
	}{{hasDuration, &s.Duration}, {hasWaiting, &s.Waiting}} {
		if flags[0]&part.flag != 0 {
			*part.of = ms(min(r.uvarint(), uint64(longest/time.Millisecond)))
		}
	}
	return s
}

// end reports what was wrong, or left over.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		return errors.New("there is something behind its end")
	}
	return r.err
}
