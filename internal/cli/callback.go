package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "horae/api/v1"
	"horae/internal/version"
)

// caller is the state of one `horae callback`.
type caller struct {
	*cli
	succeeded, failed bool
	message, id       string
	progress, add     int64
}

func (c *cli) callbackCommand() *cobra.Command {
	k := &caller{cli: c}
	cmd := &cobra.Command{
		Use: "callback --succeeded | --failed | --progress N | --progress-add N", Short: "Report the end or the progress of an attempt",
		Long: `Report how an attempt of an asynchronous Job has ended, or how far any attempt has come.
The command needs only the variables HORAE_CALLBACK_URL and HORAE_CALLBACK_TOKEN, which
every task has: pass them on to what the task starts. While no manager answers, it tries
again for two minutes; nothing is counted twice.`,
		Example: example(`
horae callback --succeeded
horae callback --failed --message "the table is empty"
horae callback --progress 40
horae callback --progress-add 10 --id batch-7`),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return k.run(cmd.Context(), cmd) },
	}
	f := cmd.Flags()
	f.BoolVar(&k.succeeded, "succeeded", false, "the attempt has succeeded")
	f.BoolVar(&k.failed, "failed", false, "the attempt has failed")
	f.StringVar(&k.message, "message", "", "a text for people, with --succeeded or --failed")
	f.Int64Var(&k.progress, "progress", 0, "the number of elements processed so far")
	f.Int64Var(&k.add, "progress-add", 0, "the number of elements processed since the last report")
	f.StringVar(&k.id, "id", "", "makes it safe to repeat the command: the same id is counted once (default: a new one)")
	cmd.MarkFlagsMutuallyExclusive("succeeded", "failed")
	cmd.MarkFlagsMutuallyExclusive("progress", "progress-add")
	cmd.MarkFlagsOneRequired("succeeded", "failed", "progress", "progress-add")
	return cmd
}

func (k *caller) run(ctx context.Context, cmd *cobra.Command) error {
	body := v1.Callback{Message: k.message, ID: cmp.Or(k.id, newID())}
	switch {
	case k.succeeded:
		body.Phase = v1.RunSucceeded
	case k.failed:
		body.Phase = v1.RunFailed
	case k.message != "":
		return usagef("--message needs --succeeded or --failed")
	}
	if cmd.Flags().Changed("progress") {
		body.Progress = &k.progress
	}
	if cmd.Flags().Changed("progress-add") {
		body.ProgressAdd = &k.add
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the callback: %w", err)
	}
	target, token, err := k.environment()
	if err != nil {
		return err
	}
	as, err := k.whoIAm()
	if err != nil {
		return err
	}
	secure, err := as.tls()
	if err != nil {
		return err
	}
	// The connection is to the address of the callback, whatever --server says.
	k.api = &client{
		http: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
		}},
		server: target.Scheme + "://" + target.Host, warnings: k.Err, warned: map[string]bool{},
	}
	return k.send(ctx, target.String(), token, encoded)
}

// environment returns what every task has.
func (k *caller) environment() (*url.URL, string, error) {
	address, _ := k.Env("HORAE_CALLBACK_URL")
	token, _ := k.Env("HORAE_CALLBACK_TOKEN")
	if address == "" || token == "" {
		return nil, "", errors.New("HORAE_CALLBACK_URL and HORAE_CALLBACK_TOKEN must be set: each task of Horae has them, " +
			"and passes them on to what it starts")
	}
	target, err := url.Parse(address)
	if err != nil || target.Host == "" {
		return nil, "", fmt.Errorf("HORAE_CALLBACK_URL is %q: must be an address such as http://host:8080/PATH", address)
	}
	return target, token, nil
}

// send tries until the callback is stored or refused. Unlike other commands it waits for the first answer, too: nobody
// looks at a task that fails to call back.
func (k *caller) send(ctx context.Context, target, token string, body []byte) error {
	again := &reconnection{cli: k.cli, subject: "the callback", connected: true}
	for {
		err := k.once(ctx, target, token, body)
		if err == nil {
			again.answer()
			return nil
		}
		if apierrors.IsTimeout(err) || apierrors.IsInternalError(err) {
			err = lostError{err, false}
		}
		if err := again.again(ctx, err); err != nil {
			return err
		}
	}
}

func (k *caller) once(ctx context.Context, target, token string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call back: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", "horae/"+version.Get().Version)
	resp, err := k.api.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return k.api.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return statusError(resp)
	}
	var result v1.CallbackResult
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return k.api.brokenOff(ctx, err)
	}
	if err := json.Unmarshal(data, &result); err != nil || result.TaskID == "" {
		return fmt.Errorf("%s is no manager of Horae: it answered %.80q", k.api.server, data)
	}
	return nil
}
