"""The commands of `gateway.cli`, each a module of its name that declares its options."""
