// Package config stands in for the package of the AWS SDK that CoreDNS' dnssec plugin calls to read a signing key from
// AWS Secrets Manager. It has what that call needs in order to compile, and always refuses.
package config

import (
	"context"
	"errors"
)

// Config is empty: there is nothing to configure.
type Config struct{}

// LoadDefaultConfig fails. dnssec reports the error for the line of the Corefile that asks for such a key.
func LoadDefaultConfig(context.Context) (Config, error) {
	return Config{}, errors.New("this CoreDNS is built without the AWS SDK: give the key as a file")
}
