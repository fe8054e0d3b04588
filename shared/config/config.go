// Package config reads a struct of settings from the environment. The struct's
// tags carry the name, the default and the documentation, so there is one
// source for all three.
package config

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Load fills the struct that dst points to. Field tags: env (name), default,
// doc, required ("true"), secret ("true": never printed). Types: string, bool,
// int, int64, time.Duration, []string (comma-separated). All problems are
// reported at once.
func Load(dst any) error { return load(dst, os.Getenv) }

func load(dst any, getenv func(string) string) error {
	v := reflect.ValueOf(dst).Elem()
	var problems []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("env")
		if name == "" {
			continue
		}
		text := getenv(name)
		if text == "" {
			text = f.Tag.Get("default")
		}
		if text == "" {
			if f.Tag.Get("required") == "true" {
				problems = append(problems, name+" is not set: "+f.Tag.Get("doc"))
			}
			continue
		}
		if err := set(v.Field(i), text); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("configuration: %s", strings.Join(problems, "; "))
	}
	return nil
}

func set(v reflect.Value, text string) error {
	switch v.Interface().(type) {
	case string:
		v.SetString(text)
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		v.SetBool(b)
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("want a duration such as 30s")
		}
		v.SetInt(int64(d))
	case int, int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("want a whole number")
		}
		v.SetInt(n)
	case []string:
		var out []string
		for p := range strings.SplitSeq(text, ",") {
			if p = strings.TrimSpace(p); p != "" {
				out = append(out, p)
			}
		}
		v.Set(reflect.ValueOf(out))
	default:
		return fmt.Errorf("config: unsupported type %s", v.Type())
	}
	return nil
}

// Document lists the settings of the struct, a line each: name, default, doc.
func Document(settings any) string {
	t := reflect.TypeOf(settings)
	var b strings.Builder
	for f := range t.Fields() {
		if name := f.Tag.Get("env"); name != "" {
			fmt.Fprintf(&b, "%s\t%s\t%s\n", name, f.Tag.Get("default"), f.Tag.Get("doc"))
		}
	}
	return b.String()
}
