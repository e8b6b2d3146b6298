// Package sandbox reads what a task wrote (stdout, stderr, any file of its sandbox) through the HTTP API of the Mesos agent
// that ran it.
//
// Files stay where Mesos keeps them: nothing is copied or stored here, and when the agent is gone, or has collected the
// sandbox, so are the logs; the errors say so. The package never talks to the Mesos master and never writes. internal/server
// calls it for a Run's log, and the run controller asks it, without waiting, where an agent keeps its sandboxes.
//
// READ_FILE of the agent's operator API is used rather than /files/read: it carries bytes, where the other carries a JSON
// string, which is not the file's content as soon as a task writes anything that is not UTF-8.
package sandbox
