package v1

import "testing"

// TestUnsupportedRowsNameFields: a row whose path has a typing error would refuse nothing.
func TestUnsupportedRowsNameFields(t *testing.T) {
	named := map[unsupportedRow]bool{}
	for _, row := range unsupported {
		if named[row] {
			t.Errorf("%v stands there twice", row)
		}
		named[row] = true
		_, job := resolve(jobType, row.path)
		_, run := resolve(runType, row.path)
		if !job && !run {
			t.Errorf("%s doesn't exist", row.path)
		}
	}
}
