package callback

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"horae/api"
	v1 "horae/api/v1"
)

var (
	key   = []byte("0123456789abcdef0123456789abcdef")
	other = []byte("fedcba9876543210fedcba9876543210")
	now   = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
)

const task = "default.hello-20261122t020000z.17.1"

func ptr[T any](v T) *T { return &v }

func TestTokens(t *testing.T) {
	token := Token(key, task)
	for name, tc := range map[string]struct {
		keys  [][]byte
		token string
		want  string // the task; "": the token is refused
	}{
		"its own key":                      {[][]byte{key}, token, task},
		"a key among others":               {[][]byte{other, key}, token, task},
		"another key":                      {[][]byte{other}, token, ""},
		"no key":                           {nil, token, ""},
		"a key that is too short":          {[][]byte{key[:MinKeySize-1]}, Token(key[:MinKeySize-1], task), ""},
		"another attempt":                  {[][]byte{key}, strings.Replace(token, ".17.1.", ".17.2.", 1), ""},
		"another Run":                      {[][]byte{key}, strings.Replace(token, "hello", "hell0", 1), ""},
		"without its prefix":               {[][]byte{key}, strings.TrimPrefix(token, "hc1."), ""},
		"another version":                  {[][]byte{key}, strings.Replace(token, "hc1.", "hc2.", 1), ""},
		"cut":                              {[][]byte{key}, token[:len(token)-1], ""},
		"more behind it":                   {[][]byte{key}, token + "A", ""},
		"white space in it":                {[][]byte{key}, token[:len(token)-3] + "\n" + token[len(token)-3:], ""},
		"without a task":                   {[][]byte{key}, "hc1..AAAA", ""},
		"nothing":                          {[][]byte{key}, "", ""},
		"the prefix":                       {[][]byte{key}, "hc1.", ""},
		"very long":                        {[][]byte{key}, "hc1." + strings.Repeat("a", 1<<20) + ".AAAA", ""},
		"padded":                           {[][]byte{key}, token + "=", ""},
		"other bits at the end of the mac": {[][]byte{key}, otherBits(token), ""},
	} {
		if got, ok := Verify(tc.keys, tc.token); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, tc.want)
		}
	}
}

// otherBits changes only the bits of the last character that no byte needs.
func otherBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[i^1])
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct{ body, want string }{
		"success":             {`{"phase": "Succeeded"}`, ""},
		"failure":             {`{"phase": "Failed", "message": "no data", "id": "a-1"}`, ""},
		"progress":            {`{"progress": 0}`, ""},
		"more progress":       {`{"progressAdd": 3, "id": "a.b_C-9"}`, ""},
		"an end and progress": {`{"phase": "Succeeded", "progress": 100}`, ""},
		"nothing":             {`{}`, "phase: Required value: Succeeded or Failed; or give progress or progressAdd"},
		"a message alone":     {`{"progress": 1, "message": "x"}`, "message: Forbidden: means nothing without a phase"},
		"another phase":       {`{"phase": "Killed"}`, `phase: Unsupported value: "Killed": supported values: "Succeeded", "Failed"`},
		"negative":            {`{"progress": -1}`, "progress: Invalid value: -1: must be between 0 and 9007199254740991"},
		"too much":            {`{"progressAdd": 9007199254740992, "id": "a"}`, "progressAdd: Invalid value: 9007199254740992: must be between 0 and 9007199254740991"},
		"both":                {`{"progress": 1, "progressAdd": 1, "id": "a"}`, "progressAdd: Forbidden: give progress or progressAdd, not both"},
		"not repeatable":      {`{"progressAdd": 1}`, "id: Required value: progressAdd needs one, so that a repeated callback is not counted twice"},
		"an id with a space":  {`{"progressAdd": 1, "id": "a b"}`, `id: Invalid value: "a b": must be one to 64 letters, digits, '.', '_' and '-'`},
	} {
		var c v1.Callback
		if err := api.Unmarshal([]byte(tc.body), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		if err := v1.AsError(Validate(&c)); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tc.want)
		}
	}
}

func TestMerge(t *testing.T) {
	outcome := func(phase v1.RunPhase, id string) *v1.CallbackOutcome {
		return &v1.CallbackOutcome{Phase: phase, Message: "m", Time: v1.NewTime(now), ID: id}
	}
	doc := func(outcome *v1.CallbackOutcome, progress *int64, ids ...string) *v1.CallbackDocument {
		return &v1.CallbackDocument{TaskID: task, Outcome: outcome, Progress: progress, IDs: ids}
	}
	S, F := v1.RunSucceeded, v1.RunFailed
	for name, tc := range map[string]struct {
		before   *v1.CallbackDocument
		stored   *v1.CallbackOutcome // in the attempt's status
		sync     bool
		c        v1.Callback
		want     *v1.CallbackDocument
		repeated bool
		refused  string
	}{
		"the first end":            {c: v1.Callback{Phase: S, Message: "m", ID: "a"}, want: doc(outcome(S, "a"), nil)},
		"an end with progress":     {c: v1.Callback{Phase: S, Message: "m", Progress: ptr(int64(9))}, want: doc(outcome(S, ""), ptr(int64(9)))},
		"the same end again":       {before: doc(outcome(S, "a"), nil), c: v1.Callback{Phase: S, ID: "a"}, want: doc(outcome(S, "a"), nil), repeated: true},
		"it is in the status":      {stored: outcome(S, "a"), c: v1.Callback{Phase: S, ID: "a"}, want: doc(outcome(S, "a"), nil), repeated: true},
		"an end without an id":     {before: doc(outcome(S, ""), nil), c: v1.Callback{Phase: S}, refused: "the attempt was reported Succeeded at 2026-11-22T02:00:00Z already; that stays"},
		"another end":              {before: doc(outcome(S, "a"), nil), c: v1.Callback{Phase: F, ID: "a"}, refused: "the attempt was reported Succeeded at 2026-11-22T02:00:00Z already; that stays"},
		"progress after the end":   {stored: outcome(F, ""), c: v1.Callback{Progress: ptr(int64(1))}, refused: "the attempt was reported Failed at 2026-11-22T02:00:00Z already; that stays"},
		"an end of any other Run":  {sync: true, c: v1.Callback{Phase: S}, refused: "the Run is not asynchronous (its Job has no spec.async): it ends with its task, and takes progress only"},
		"progress of any Run":      {sync: true, c: v1.Callback{Progress: ptr(int64(4))}, want: doc(nil, ptr(int64(4)))},
		"progress goes anywhere":   {before: doc(nil, ptr(int64(7))), c: v1.Callback{Progress: ptr(int64(4)), ID: "b"}, want: doc(nil, ptr(int64(4)), "b")},
		"progress is added":        {before: doc(nil, ptr(int64(7)), "a"), c: v1.Callback{ProgressAdd: ptr(int64(4)), ID: "b"}, want: doc(nil, ptr(int64(11)), "a", "b")},
		"once":                     {before: doc(nil, ptr(int64(7)), "a"), c: v1.Callback{ProgressAdd: ptr(int64(4)), ID: "a"}, want: doc(nil, ptr(int64(7)), "a"), repeated: true},
		"not beyond the limit":     {before: doc(nil, ptr(int64(MaxProgress))), c: v1.Callback{ProgressAdd: ptr(int64(1)), ID: "a"}, refused: "progress would be 9007199254740992: the limit is 9007199254740991"},
		"after an earlier attempt": {before: &v1.CallbackDocument{TaskID: "default.hello.17.0", Outcome: outcome(F, "a"), Progress: ptr(int64(7)), IDs: []string{"a"}}, c: v1.Callback{ProgressAdd: ptr(int64(1)), ID: "a"}, want: doc(nil, ptr(int64(1)), "a")},
	} {
		t.Run(name, func(t *testing.T) {
			got, repeated, err := Merge(tc.before, &v1.Attempt{TaskID: task, Callback: tc.stored}, !tc.sync, &tc.c, now)
			var refusal *Refusal
			if errors.As(err, &refusal) != (tc.refused != "") || err != nil && err.Error() != tc.refused {
				t.Fatalf("%v, want %q", err, tc.refused)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || repeated != tc.repeated {
				t.Errorf("repeated %v (-want +got)\n%s", repeated, diff)
			}
		})
	}
}

// TestAddedOnce: however callbacks are repeated and mixed, each is counted once, if it is repeated before MaxIDs others
// have come; the document stays small; and what was there before is not modified.
func TestAddedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var doc *v1.CallbackDocument
		a := &v1.Attempt{TaskID: task}
		var sum int64
		var sent []v1.Callback
		for i := range rapid.IntRange(1, 300).Draw(t, "callbacks") {
			c := v1.Callback{ProgressAdd: ptr(rapid.Int64Range(0, 1000).Draw(t, "n")), ID: fmt.Sprint("id-", i)}
			again := len(sent) > 0 && rapid.Bool().Draw(t, "again")
			if again {
				c = sent[len(sent)-1-rapid.IntRange(0, min(len(sent), MaxIDs)-1).Draw(t, "which")]
			}
			var ids []string
			if doc != nil {
				ids = slices.Clone(doc.IDs)
			}
			next, repeated, err := Merge(doc, a, true, &c, now)
			if err != nil || repeated != again {
				t.Fatalf("repeated %v, want %v: %v", repeated, again, err)
			}
			if doc != nil && !slices.Equal(ids, doc.IDs) {
				t.Fatal("the document before was modified")
			}
			if doc = next; !again {
				sent, sum = append(sent, c), sum+*c.ProgressAdd
			}
			if *doc.Progress != sum || len(doc.IDs) > MaxIDs {
				t.Fatalf("progress %d, want %d; %d ids", *doc.Progress, sum, len(doc.IDs))
			}
		}
	})
}

func TestMessagesAreBoundedAndPlain(t *testing.T) {
	c := v1.Callback{Phase: v1.RunFailed, Message: "a\x1b[31m\tb\n" + strings.Repeat("ü", MaxMessage)}
	next, _, err := Merge(nil, &v1.Attempt{TaskID: task}, true, &c, now)
	if err != nil {
		t.Fatal(err)
	}
	if m := next.Outcome.Message; len(m) > MaxMessage || !strings.HasPrefix(m, "a [31m\tb\n") {
		t.Errorf("%d bytes: %q", len(m), m[:20])
	}
}

// FuzzToken: nothing but the token itself is accepted.
func FuzzToken(f *testing.F) {
	token := Token(key, task)
	for _, seed := range []string{token, token + ".", "hc1.a.b", "hc1." + task + ".", strings.ToUpper(token)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		if id, ok := Verify([][]byte{other, key}, given); ok && given != Token(key, id) && given != Token(other, id) {
			t.Errorf("%q is accepted as a token of %s", given, id)
		}
	})
}

// FuzzCallback: a body that is accepted makes a document that is small and can be read back.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		`{"phase":"Succeeded","message":"m"}`, `{"progress":4}`, `{"progressAdd":4,"id":"a"}`, `{"phase":"Failed","progress":1e3,"id":"x"}`,
		`{"progress":-0}`, `{"message":"\ud800"}`, "phase: Succeeded\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var c v1.Callback
		if api.Unmarshal(body, &c) != nil || len(Validate(&c)) > 0 {
			return
		}
		next, _, err := Merge(nil, &v1.Attempt{TaskID: task}, true, &c, now)
		if err != nil {
			t.Fatalf("a valid callback of a live attempt is refused: %v", err)
		}
		if next.Progress != nil && (*next.Progress < 0 || *next.Progress > MaxProgress) {
			t.Errorf("progress %d", *next.Progress)
		}
		if o := next.Outcome; o != nil && (len(o.Message) > MaxMessage || bytes.ContainsAny([]byte(o.Message), "\x00\x1b\r")) {
			t.Errorf("message %q", o.Message)
		}
	})
}
