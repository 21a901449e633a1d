// Package secretsmanager stands in for the package of the AWS SDK that CoreDNS' dnssec plugin calls after config. No
// call gets here, since config refuses first.
package secretsmanager

import (
	"context"
	"errors"
)

// Client is what NewFromConfig returns.
type Client struct{}

// GetSecretValueInput names a secret.
type GetSecretValueInput struct{ SecretId *string }

// GetSecretValueOutput holds a secret.
type GetSecretValueOutput struct{ SecretString *string }

// NewFromConfig takes the Config of the stand-in beside this one.
func NewFromConfig(any) *Client { return &Client{} }

// GetSecretValue fails.
func (*Client) GetSecretValue(context.Context, *GetSecretValueInput) (*GetSecretValueOutput, error) {
	return nil, errors.New("this CoreDNS is built without the AWS SDK")
}
