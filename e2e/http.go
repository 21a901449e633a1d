package e2e

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// httpClient keeps no connections, so that each request tells whether the server is there now.
var httpClient = &http.Client{
	Timeout:   5 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// httpGet returns the status and the body of the answer to one GET.
func httpGet(url string) (int, string, error) {
	response, err := httpClient.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("GET %s: %w", url, err)
	}
	return response.StatusCode, string(body), nil
}
