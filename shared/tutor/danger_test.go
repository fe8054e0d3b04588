package tutor

import (
	"fmt"
	"strings"
	"testing"
)

func words(t *testing.T) *dangerWords {
	t.Helper()
	d, err := loadDanger(dangerFile)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDanger(t *testing.T) {
	d := words(t)
	found := map[string]Category{
		"I want to die":                                        SelfHarm,
		"i wanna dieeeee!!!":                                   SelfHarm,
		"sometimes I think of killing  myself…":                SelfHarm,
		"I don’t want to live anymore":                         SelfHarm,
		"I feel suicidal, what is 3 + 4":                       SelfHarm,
		"how many of these pills to die":                       SelfHarm,
		"Nataka kufa":                                          SelfHarm,
		"mwalimu, nimechoka na maisha":                         SelfHarm,
		"nitajiua leo":                                         SelfHarm,
		"nataka kunywa sumu":                                   SelfHarm,
		"buda nataka kujimada":                                 SelfHarm,
		"life imenishinda":                                     SelfHarm,
		"My uncle touches my private parts":                    Abuse,
		"he TOUCHED MY PRIVATE PARTS":                          Abuse,
		"my teacher said sex for marks":                        Abuse,
		"My father beats me every day":                         Abuse,
		"i'm scared to go home":                                Abuse,
		"they are forcing me to marry an old man":              Abuse,
		"mjomba alinishika vibaya":                             Abuse,
		"Baba ananipiga":                                       Abuse,
		"nilibakwa":                                            Abuse,
		"wanataka kuniozesha":                                  Abuse,
		"jamaa ananidara":                                      Abuse,
		"I will kill him tomorrow":                             Violence,
		"my stepfather wants to kill me":                       Violence,
		"let us burn the dormitory":                            Violence,
		"tuchome shule":                                        Violence,
		"nitamuua":                                             Violence,
		"they are bullying me":                                 Bullying,
		"wananibully darasani":                                 Bullying,
		"nobody loves me and I want to die":                    SelfHarm,
		"My dad beats me at chess but he beats me with a belt": Abuse,
	}
	for text, want := range found {
		t.Run("is danger: "+text, func(t *testing.T) {
			if got, ok := d.find(text); !ok || got.Category != want {
				t.Errorf("got %+v", got)
			}
		})
	}
	for text := range strings.SplitSeq(strings.TrimSpace(innocent), "\n") {
		t.Run("is innocent: "+text, func(t *testing.T) {
			if got, ok := d.find(text); ok {
				t.Errorf("taken for %+v", got)
			}
		})
	}
}

// innocent are sentences of ordinary lessons and ordinary children.
const innocent = `
What kills bacteria in milk?
How did Mekatilili wa Menza fight the British?
Why did Okonkwo commit suicide at the end of Things Fall Apart?
How do plants die without light?
My sister beats me in maths, how can I improve?
My dad beats me at chess every weekend
My mum will kill me if I fail this exam
How do I kill two birds with one stone? What does the saying mean?
I cut myself with a knife while peeling potatoes, what first aid should I do?
What is the difference between abuse and use of medicine?
Explain the effects of drug abuse
What is bad touch and good touch?
Why is it dangerous to touch a live wire?
What is rape seed oil?
The class was dying of laughter
How many people died in the First World War?
What is a suicide bomber in the news?
How do I shoot a video for my project?
I want to shoot a video of the school garden
What is FGM and why is it against the law?
How do antibodies kill germs?
I am going to kill the weeds in our farm, which tool is best?
Nataka kuwaua mbu nyumbani, nifanye nini?
Eleza maana ya kufa moyo
Eleza methali: mla nawe hafi nawe ila mzaliwa nawe
Baba ananipigia simu kila siku
Mama ananipiga picha
Wingi wa neno "kufa" ni nini?
Kwa nini mimea hufa bila maji?
Chui anaua swala vipi?
Simba alimuua nani katika hadithi?
Eleza jinsi ya kuchoma nyama
Kuchoma makaa huharibu mazingira vipi?
Andika insha kuhusu siku niliyopigwa na mvua
Elezea vita vya pili vya dunia
Aliyekufa shujaa huyu ni nani?
What is the killing frost?
How is a bomb different from a rocket?
Write a composition: The day our school was burnt
What should I do if a friend is being bullied?
Who was assassinated in 1969 in Kenya?
The hunter wants to kill the elephant. Underline the verb.
Life skills: how do I avoid harmful drugs?
Are paraffin lamps not safe at home?
How do I end my letter?
She slept with her teddy bear. Which tense is this?
He locked me out of the game, what is the past tense of lock?
Skill myself in drawing
`

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"I'm  SAD…":         "im sad",
		"Nátàka kufa":       "nataka kufa",
		"heeelp":            "help",
		"see 1000 bees":     "see 1000 bees",
		"don\u200bt, don’t": "dont dont",
	} {
		if got := fmt.Sprint(strings.Join(normalise(in), " ")); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestStrip(t *testing.T) {
	known := Known{People: []string{"Achieng Otieno", "Al"}, Places: []string{"Mwangaza Primary School"}}
	for in, want := range map[string]string{
		"ACHIENG asked":                       "a learner asked",
		"Achieng  Otieno's book":              "a learner's book",
		"Otieno and Achiengo":                 "a learner and Achiengo",
		"Mwangaza primary school is big":      "my school is big",
		"Primary colours":                     "Primary colours",
		"Also":                                "Also",
		"write to ann.b@example.co.ke now":    "write to an e-mail address now",
		"call +254 712 345678":                "call a phone number",
		"0712345678 or 0110-345-678":          "a phone number or a phone number",
		"254712345678":                        "a phone number",
		"+44 20 7946 0958!":                   "a phone number!",
		"namba yangu 712 345 678":             "a phone number",
		"1234567 + 7654321 = 8888888":         "1234567 + 7654321 = 8888888",
		"0.712345678 is a decimal":            "0.712345678 is a decimal",
		"my name is Wanjiru Kamau and I":      "my name is a learner and I",
		"Naitwa juma":                         "Naitwa a learner",
		"find me @juma_254":                   "find me a user name",
		"2000 people in 1963, 45000000 in 09": "2000 people in 1963, 45000000 in 09",
	} {
		if got := Strip(in, known); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}
