"""Wire: the ways out and back: mail servers, a folder on this machine, chats, returned mail."""
