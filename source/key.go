package source

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// Key is a TSIG key.
type Key struct {
	name, algorithm, secret string
}

// String returns the key's name. Its secret is never printed.
func (k *Key) String() string { return k.name }

// GoString is [Key.String].
func (k *Key) GoString() string { return k.name }

// maxKeyFile is the most that a key file may have, in bytes.
const maxKeyFile = 64 << 10

// algorithms are those that a key may have (RFC 8945 section 6).
var algorithms = map[string]string{
	"hmac-sha1": dns.HmacSHA1, "hmac-sha224": dns.HmacSHA224, "hmac-sha256": dns.HmacSHA256,
	"hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512,
}

// ReadKey reads a file as tsig-keygen writes it and dig -k reads it: one key statement
// in the syntax of named.conf.
func ReadKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%s is no key file: it has more than %d bytes", path, maxKeyFile)
	}
	k, err := parseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s is no key file: %w; make one with tsig-keygen", path, err)
	}
	return k, nil
}

// parseKey reads key "NAME" { algorithm ALGORITHM; secret "BASE64"; }; The errors
// repeat nothing of the text, which may be a secret.
func parseKey(text string) (*Key, error) {
	words := keyWords(text)
	next := func() string {
		if len(words) == 0 {
			return ""
		}
		word := words[0]
		words = words[1:]
		return word
	}
	if next() != "key" {
		return nil, errors.New(`it does not begin with key "NAME" {`)
	}
	k := &Key{name: next()}
	if _, ok := dns.IsDomainName(k.name); !ok || next() != "{" {
		return nil, errors.New(`it does not begin with key "NAME" {`)
	}
	k.name = dns.CanonicalName(k.name)
	for word := next(); word != "}"; word = next() {
		switch word {
		case "algorithm":
			if k.algorithm = algorithms[strings.ToLower(next())]; k.algorithm == "" {
				return nil, errors.New("its algorithm is none of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512")
			}
		case "secret":
			k.secret = next()
			if raw, err := base64.StdEncoding.DecodeString(k.secret); err != nil || len(raw) == 0 {
				return nil, errors.New("its secret is not in base64")
			}
		default:
			return nil, errors.New("there is something else than algorithm and secret in it")
		}
		if next() != ";" {
			return nil, errors.New("a semicolon is missing")
		}
	}
	if k.algorithm == "" || k.secret == "" {
		return nil, errors.New("algorithm or secret is missing")
	}
	if next(); len(words) > 0 {
		return nil, errors.New("there is more than one key in it")
	}
	return k, nil
}

// keyWords splits the text of a key file: words, quoted or not, and { } ; for
// themselves. Comments go.
func keyWords(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		for len(line) > 0 {
			switch c := line[0]; {
			case c == '#' || strings.HasPrefix(line, "//"):
				line = ""
			case c == '{' || c == '}' || c == ';':
				words, line = append(words, line[:1]), line[1:]
			case c == '"':
				word, rest, _ := strings.Cut(line[1:], `"`)
				words, line = append(words, word), rest
			case c == ' ' || c == '\t' || c == '\r' || c == '\n':
				line = line[1:]
			default:
				n := strings.IndexAny(line, " \t\r\n{};\"")
				if n < 0 {
					n = len(line)
				}
				words, line = append(words, line[:n]), line[n:]
			}
		}
	}
	return words
}
