"""Why a beat got its score: a monitor that remembers, what it can tell of a beat, and a record replayed to one."""
