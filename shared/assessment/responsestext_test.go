package assessment

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestResponsesAreWrittenAsTheLibraryWrites: files hold both what this build
// writes and what earlier ones wrote.
func TestResponsesAreWrittenAsTheLibraryWrites(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`), rapid.SampledFrom([]string{"", "<&>", "\u2028", "\xff", `"\`, "mto wa Tana", "7\x7f"}))
	one := rapid.Custom(func(t *rapid.T) Response {
		return Response{QuestionID: text.Draw(t, "question"), Options: rapid.SliceOfN(text, 0, 3).Draw(t, "options"), Number: text.Draw(t, "number"),
			Text: text.Draw(t, "text"), Points: rapid.Int64().Draw(t, "points"), Max: rapid.Int64().Draw(t, "max"),
			Parts: rapid.SliceOfN(text, 0, 3).Draw(t, "parts")}
	})
	same := func(t *rapid.T, in []Response) {
		want, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := responsesText(in); got != string(want) {
			t.Fatalf("written as %s, the library writes %s", got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		same(t, nil)
		same(t, rapid.SliceOfN(one, 0, 4).Draw(t, "responses"))
	})
}
