// Command hubbub runs the hubbub gateway.
package main

import "github.com/alecthomas/kong"

type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the gateway."`
	Token   tokenCommand   `cmd:"" help:"Print a token for a user, to try the gateway with or to connect a service."`
	APIKey  apikeyCommand  `cmd:"" name:"apikey" help:"Make a key for the HTTP API."`
	Config  configCommand  `cmd:"" help:"Check, show or begin a configuration."`
	Health  healthCommand  `cmd:"" help:"Ask a running gateway whether it is well."`
	Connect connectCommand `cmd:"" help:"Talk to a WebSocket server from the terminal, and chat through a gateway."`
	Publish publishCommand `cmd:"" help:"Send a message to a room, a user or everybody, or put a notice into inboxes, through the HTTP API."`
	Nodes   nodesCommand   `cmd:"" help:"List the nodes that serve, and what each has to do."`
	Backup  backupCommand  `cmd:"" help:"Copy the store, also of a gateway that is running."`
	Migrate migrateCommand `cmd:"" help:"Move a store from a file to PostgreSQL."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx := kong.Parse(&commands{},
		kong.Name("hubbub"),
		kong.Description("Native WebSockets and presence, chat and inboxes for your users, in one binary."),
		kong.ShortUsageOnError(),
	)
	ctx.FatalIfErrorf(ctx.Run())
}
