package loki

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

func (c *Client) authorize(request *http.Request) error {
	password, err := c.secret(c.config.Username, c.config.Password, c.config.PasswordFile, c.password)
	if err != nil {
		return err
	}
	token, err := c.secret("", c.config.BearerToken, c.config.BearerTokenFile, c.token)
	if err != nil {
		return err
	}
	switch {
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	case c.config.Username != "" || password != "":
		request.SetBasicAuth(c.config.Username, password)
	}
	return nil
}

// secret returns a secret, or what its file holds, which may change. While that cannot
// be read, or is empty as it is being written, it is what it was.
func (c *Client) secret(user, value, path string, file *renewed[string]) (string, error) {
	if file == nil {
		return value, nil
	}
	text, err := file.get()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSecret, err)
	}
	c.config.Secrets.AddFrom(path, user, *text)
	return *text, nil
}

// textOf is the secret that a file has: nothing, unless there was something before.
func textOf(content []byte, before *string) (*string, error) {
	text := strings.TrimSpace(string(content))
	if text == "" && before != nil && *before != "" {
		return nil, errEmpty
	}
	return &text, nil
}

var errEmpty = errors.New("it is empty")
