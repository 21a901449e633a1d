// Package zonetext follows the text of a zone file byte by byte, as the lexer of
// miekg/dns does, to know where entries begin (RFC 1035 section 5.1) and whether one
// is a $GENERATE line.
//
// That directive is no part of RFC 1035. One line of it makes up to 65,536 records,
// and miekg/dns opens what an $INCLUDE made by it names without asking the file system
// that it was given. The parser has no switch for it, so it has to be found before
// the parser sees it.
package zonetext

// MaxEntry is the most octets that an entry, or a line without one, may have: what is longer
// is no record, however its data is written. A record has at most 65,535 octets of data
// (RFC 1035 section 3.2.1), each written with up to four; a parser that met an open quote or
// parenthesis would hold all that follows.
const MaxEntry = 1 << 20

// generate is the directive that is looked for.
const generate = "$GENERATE"

// Event is what a byte does.
type Event int

// What a byte can do.
const (
	// None: nothing.
	None Event = iota
	// Begin: it is the first of an entry.
	Begin
	// Generate: it ends the word $GENERATE at the beginning of an entry.
	Generate
	// End: it ends an entry, or a line that holds none.
	End
)

// Follower follows one file from its beginning. The zero value is ready.
type Follower struct {
	begun                  bool // an entry has begun
	quote, escape, comment bool
	depth                  int  // of parentheses
	matched                int  // octets of generate that the entry begins with
	matching               bool // nothing but those so far
	length                 int
}

// Length is how many octets the entry at hand has had so far, or the line that holds none.
func (f *Follower) Length() int { return f.length }

// Next takes note of the next byte.
func (f *Follower) Next(c byte) Event {
	f.length++
	switch {
	case f.comment:
		if c == '\n' {
			f.comment = false
			return f.end()
		}
		return None
	case c == '\n':
		f.escape = false
		if !f.quote {
			return f.end()
		}
		return None
	case c == '\r':
		f.escape = false
		return None // the lexer drops it
	case f.escape || f.quote && c != '"' && c != '\\':
		f.escape = false
	case c == '\\':
		f.escape = true
	case c == '"':
		f.quote = !f.quote
	case c == ';':
		f.comment = true
		return None
	case c == '(', c == ')':
		if c == '(' {
			f.depth++
		} else {
			f.depth--
		}
		return f.begin() // the lexer drops it, even inside of a word
	}
	event := f.begin()
	if !f.matching {
		return event
	}
	if upper(c) != generate[f.matched] {
		f.matching, f.matched = false, 0
		return event
	}
	if f.matched++; f.matched < len(generate) {
		return event
	}
	f.matching = false
	return Generate
}

func (f *Follower) begin() Event {
	if f.begun {
		return None
	}
	f.begun, f.matching = true, true
	return Begin
}

// end ends an entry, unless a parenthesis is open.
func (f *Follower) end() Event {
	if f.depth > 0 {
		return None
	}
	f.begun, f.matching, f.matched, f.length = false, false, 0, 0
	return End
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
