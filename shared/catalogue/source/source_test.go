package source_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
)

// beans is the course in testdata, with files replaced; an empty text removes one.
func beans(t *testing.T, replace map[string]string) fs.FS {
	t.Helper()
	dir, out := os.DirFS("testdata/beans"), fstest.MapFS{}
	if err := fs.WalkDir(dir, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, path)
		out[path] = &fstest.MapFile{Data: b}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for path, text := range replace {
		if out[path] = (&fstest.MapFile{Data: []byte(text)}); text == "" {
			delete(out, path)
		}
	}
	return out
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/beans/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRead(t *testing.T) {
	got, err := source.Read(beans(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	c := got.Content
	t.Run("the course has what its author wrote", func(t *testing.T) {
		if c.Course.ID != catalogue.CourseIDOf("beans") || c.Course.Grade != "Grade 6" || c.Course.PriceMinor != 25000 ||
			c.Course.InstructorEmail != "teacher@example.org" || c.Course.LessonCount != 2 || c.Course.Minutes != 45 ||
			c.Course.Strands[0].SubStrands[1].Lessons[0] != c.Lessons[1].ID {
			t.Errorf("got %+v", c.Course)
		}
	})
	t.Run("questions and answers are apart", func(t *testing.T) {
		q := c.Quizzes[0]
		if len(q.Questions) != 4 || q.Keys[0].Options[0] != "b" || len(q.Keys[1].Options) != 2 || q.Keys[2].Value != 3 ||
			q.Keys[2].Tolerance != 0.5 || q.Questions[2].Unit != "day" || q.Keys[3].Texts[1] != "germinating" || c.Quizzes[1].Keys[0].Texts[0] != "morning" {
			t.Errorf("got %+v", q)
		}
	})
	t.Run("the lesson is HTML with tables and with pictures by hash", func(t *testing.T) {
		html := c.Lessons[0].HTML
		for _, want := range []string{`<h2 id="s-1">What a seed needs</h2>`, "<strong>water</strong>", "<td>The seed swells</td>",
			`src="/media/` + got.Media[0].SHA256 + `.svg"`, `alt="A bean with its root"`} {
			if !strings.Contains(html, want) {
				t.Errorf("no %s in\n%s", want, html)
			}
		}
	})
	t.Run("passages are cut at headings and have no marks", func(t *testing.T) {
		if len(c.Passages) != 3 {
			t.Fatalf("got %+v", c.Passages)
		}
		first, second := c.Passages[0], c.Passages[1]
		if first.Heading != "What a seed needs" || first.Anchor != "s-1" || !strings.Contains(first.Text, "needs water, warmth") ||
			!strings.Contains(first.Text, "1 | The seed swells") || second.Anchor != "s-2" || !strings.Contains(second.Text, "3 * 2 days & nights") {
			t.Errorf("got %+v", c.Passages)
		}
	})
}

func TestProblems(t *testing.T) {
	yaml, seeds, quiz := text(t, "course.yaml"), text(t, "lessons/seeds.md"), text(t, "lessons/seeds.quiz.yaml")
	edit := func(file, old, with string) map[string]string {
		all := map[string]string{"course.yaml": yaml, "lessons/seeds.md": seeds, "lessons/seeds.quiz.yaml": quiz}
		if !strings.Contains(all[file], old) {
			t.Fatalf("no %q in %s", old, file)
		}
		return map[string]string{file: strings.Replace(all[file], old, with, 1)}
	}
	for name, c := range map[string]struct {
		edit map[string]string
		want string
	}{
		"an unknown grade":                {edit("course.yaml", "Grade 6", "Form 2"), `course.yaml:4: grade: "Form 2"`},
		"a wrong area":                    {edit("course.yaml", "Science and Technology", "Magic"), "course.yaml:5: learning_area"},
		"an unknown field":                {edit("course.yaml", "currency:", "curency:"), "course.yaml:11: field curency not found"},
		"broken YAML":                     {edit("course.yaml", "title: Growing beans", "title: Growing: beans"), "course.yaml:2: "},
		"a negative price":                {edit("course.yaml", "25000", "-1"), "course.yaml:10: price_minor"},
		"an instructor without address":   {edit("course.yaml", "teacher@example.org", `""`), "course.yaml:9: instructor_email"},
		"an unknown competency":           {edit("course.yaml", "citizenship", "flying"), `course.yaml:16: "flying"`},
		"a lesson twice":                  {edit("course.yaml", "[watering]", "[seeds]"), "course.yaml:20: lesson \"seeds\" is listed twice"},
		"a lesson outside its folder":     {edit("course.yaml", "[watering]", "[../x]"), "course.yaml:20: lesson \"../x\""},
		"a missing lesson":                {map[string]string{"lessons/watering.md": ""}, "lessons/watering.md:1: the file is missing"},
		"a missing quiz":                  {map[string]string{"lessons/watering.quiz.yaml": ""}, "lessons/watering.quiz.yaml:1: the file is missing"},
		"a lesson nobody lists":           {map[string]string{"lessons/extra.md": "x"}, "lessons/extra.md:1: course.yaml does not list"},
		"no front matter":                 {map[string]string{"lessons/watering.md": "## Hi\n"}, "lessons/watering.md:1: a lesson begins"},
		"a bad front matter":              {edit("lessons/seeds.md", "minutes: 25", "minutes: soon"), "lessons/seeds.md:3: cannot unmarshal"},
		"no minutes":                      {edit("lessons/seeds.md", "minutes: 25", "minutes: 0"), "lessons/seeds.md:3: minutes"},
		"a missing picture":               {edit("lessons/seeds.md", "bean.svg", "pea.svg"), `lessons/seeds.md:12: picture "media/pea.svg": the file is missing`},
		"a picture from the internet":     {edit("lessons/seeds.md", "media/bean.svg", "https://example.org/x.svg"), "lessons/seeds.md:12: picture"},
		"a picture outside the course":    {edit("lessons/seeds.md", "media/bean.svg", "media/../../x.svg"), "lessons/seeds.md:12: picture"},
		"a script block":                  {edit("lessons/seeds.md", "## Try it", "<script>alert(1)</script>\n\n## Try it"), "lessons/seeds.md:19: raw HTML"},
		"a script in a sentence":          {edit("lessons/seeds.md", "Put a bean", "Put <img src=x onerror=alert(1)> a bean"), "lessons/seeds.md:21: raw HTML"},
		"a link that runs":                {edit("lessons/seeds.md", "Put a bean", "[Put](javascript:alert(1)) a bean"), "lessons/seeds.md:21: link"},
		"an unknown kind":                 {edit("lessons/seeds.quiz.yaml", "kind: numeric", "kind: essay"), `lessons/seeds.quiz.yaml:22: kind: "essay"`},
		"an answer that is no option":     {edit("lessons/seeds.quiz.yaml", "answer: b", "answer: z"), "lessons/seeds.quiz.yaml:10: answer: \"z\""},
		"a number that is none":           {edit("lessons/seeds.quiz.yaml", "answer: 3", "answer: three"), "lessons/seeds.quiz.yaml:24: answer"},
		"a question twice":                {edit("lessons/seeds.quiz.yaml", "id: q2", "id: q1"), "lessons/seeds.quiz.yaml:12: id: question \"q1\" is there twice"},
		"a choice with one option":        {edit("lessons/seeds.quiz.yaml", `      - {id: a, text: "Noise"}`+"\n", ""), "lessons/seeds.quiz.yaml:7: options: a choice"},
		"no explanation":                  {edit("lessons/seeds.quiz.yaml", `explanation: "See the table."`, `explanation: ""`), "lessons/seeds.quiz.yaml:27: explanation"},
		"a drawing with a script":         {map[string]string{"media/bean.svg": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`}, "a drawing has no <script>"},
		"a drawing with a handler":        {map[string]string{"media/bean.svg": `<svg onload="alert(1)"/>`}, "a drawing has no onload"},
		"a drawing that loads":            {map[string]string{"media/bean.svg": `<svg><use href="https://example.org/#x"/></svg>`}, "only to its own parts"},
		"a drawing that is not one":       {map[string]string{"media/bean.svg": `<html/>`}, "not a drawing"},
		"a drawing with entities to bomb": {map[string]string{"media/bean.svg": `<!DOCTYPE svg [<!ENTITY a "b">]><svg/>`}, "no DOCTYPE"},
	} {
		t.Run(name+" is told with file and line", func(t *testing.T) {
			got, err := source.Read(beans(t, c.edit))
			var p *source.Problem
			if err == nil || !errors.As(err, &p) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if len(got.Content.Lessons) != 0 {
				t.Error("made a course with a problem")
			}
		})
	}
	t.Run("all problems are told at once", func(t *testing.T) {
		two := edit("lessons/seeds.md", "minutes: 25", "minutes: 0")
		maps.Copy(two, edit("lessons/seeds.quiz.yaml", "answer: b", "answer: z"))
		_, err := source.Read(beans(t, two))
		if err == nil || strings.Count(err.Error(), "\n") != 1 {
			t.Errorf("got %v", err)
		}
	})
}
