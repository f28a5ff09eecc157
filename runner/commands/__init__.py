"""The sub-commands, one module each: `main(arguments) -> exit code`. To add one: a module here and a line in `cli.COMMANDS`."""
