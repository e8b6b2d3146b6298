package mesos

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

const (
	// DefaultMaxFrame is the largest event that is read unless Config says otherwise: about 150,000 offers.
	DefaultMaxFrame = 64 << 20

	// readBuffer is what is read from the connection at once: some 200 updates.
	readBuffer = 64 << 10
	// firstGrowth is allocated for a frame on its announcement alone; beyond it, memory follows the bytes that arrive.
	firstGrowth = 1 << 20
	// keepBuffer is how large a buffer may stay between frames: one huge OFFERS must not be paid for for ever.
	keepBuffer = 4 << 20
	// maxHeaderDigits is more than any length that fits in 64 bits needs.
	maxHeaderDigits = 20
)

// ErrFrameTooLarge says that a frame is larger than the limit. Raise Config.MaxFrame, or find out what sends such events.
var ErrFrameTooLarge = errors.New("frame larger than the limit")

// ErrMalformedFrame says that the stream is not RecordIO: subscribe again.
var ErrMalformedFrame = errors.New("malformed RecordIO frame")

// frameReader reads RecordIO: each frame is its length in decimal, a newline, and so many bytes.
type frameReader struct {
	r     *bufio.Reader
	limit int
	buf   []byte
}

// newFrameReader reads frames of at most limit bytes from r. A limit of 0 or less means DefaultMaxFrame.
func newFrameReader(r io.Reader, limit int) *frameReader {
	if limit <= 0 {
		limit = DefaultMaxFrame
	}
	return &frameReader{r: bufio.NewReaderSize(r, readBuffer), limit: limit}
}

// next returns the next frame, which is valid until the following call. It returns io.EOF at the end of the stream between
// frames, io.ErrUnexpectedEOF inside one (in its length, too), and errors that wrap ErrFrameTooLarge and ErrMalformedFrame.
// After an error the reader is of no further use.
func (f *frameReader) next() ([]byte, error) {
	size, err := f.header()
	if err != nil {
		return nil, err
	}
	if cap(f.buf) > keepBuffer && size <= keepBuffer {
		f.buf = nil
	}
	if cap(f.buf) < size {
		f.buf = make([]byte, 0, min(size, firstGrowth))
	}
	return f.body(size)
}

// header reads "<decimal>\n". It checks the value digit by digit, so that no number of digits can overflow it.
func (f *frameReader) header() (int, error) {
	size := 0
	for digits := 0; ; digits++ {
		c, err := f.r.ReadByte()
		switch {
		case err == io.EOF && digits == 0:
			return 0, io.EOF
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case c == '\n' && digits > 0:
			return size, nil
		case c < '0' || c > '9':
			return 0, fmt.Errorf("%w: %q in the length", ErrMalformedFrame, c)
		case digits >= maxHeaderDigits:
			return 0, fmt.Errorf("%w: a length of more than %d digits", ErrMalformedFrame, maxHeaderDigits)
		}
		size = size*10 + int(c-'0')
		if size > f.limit {
			return 0, fmt.Errorf("%w of %d bytes: its length begins with %d", ErrFrameTooLarge, f.limit, size)
		}
	}
}

// body reads size bytes into the buffer, which grows as they arrive.
func (f *frameReader) body(size int) ([]byte, error) {
	buf := f.buf[:0]
	for len(buf) < size {
		have := len(buf)
		if have == cap(buf) {
			grown := make([]byte, have, min(size, 2*have))
			copy(grown, buf)
			buf = grown
		}
		buf = buf[:min(size, cap(buf))]
		if _, err := io.ReadFull(f.r, buf[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	f.buf = buf
	return buf, nil
}
