package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="

func TestReadKey(t *testing.T) {
	read := func(text string) (*Key, error) {
		path := filepath.Join(t.TempDir(), "key.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadKey(path)
	}
	for _, text := range []string{
		"key \"Transfer\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n",
		"# a comment\nkey transfer { secret " + secret + "; algorithm HMAC-SHA256; }; // another",
	} {
		k, err := read(text)
		if err != nil || *k != (Key{"transfer.", "hmac-sha256.", secret}) {
			t.Errorf("%s\n%v, %v", text, k, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(printed, secret) {
			t.Errorf("the secret is printed: %s", printed)
		}
	}
	for text, want := range map[string]string{
		"":     `it does not begin with key "NAME" {`,
		secret: `it does not begin with key "NAME" {`,
		"key a..b { algorithm hmac-sha256; secret x; };":                                                          `it does not begin with key "NAME" {`,
		"key a { algorithm hmac-md5; secret \"" + secret + "\"; };":                                               "its algorithm is none of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512",
		"key a { algorithm hmac-sha256; secret \"" + secret + "!\"; };":                                           "its secret is not in base64",
		"key a { algorithm hmac-sha256; };":                                                                       "algorithm or secret is missing",
		"key a { algorithm hmac-sha256; " + secret + "; };":                                                       "there is something else than algorithm and secret in it",
		"key a { algorithm hmac-sha256; secret " + secret + " };":                                                 "a semicolon is missing",
		"key a { algorithm hmac-sha256; secret " + secret + "; }; key b { algorithm hmac-sha256; secret aaaa; };": "there is more than one key in it",
		"key a { algorithm hmac-sha256; secret " + secret + ";":                                                   "there is something else than algorithm and secret in it",
		strings.Repeat("#", maxKeyFile+1):                                                                         "it has more than 65536 bytes",
	} {
		_, err := read(text)
		if err == nil || !strings.Contains(err.Error(), "key.conf is no key file: "+want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%.200s\n%v", text, err)
		}
	}
}
