// Package devcluster is a Mesos-compatible master with agents in one process, for development, demonstration and tests.
//
// It listens on real sockets and speaks the v1 scheduler API of Mesos 1.11 in JSON and protobuf, so that what runs
// against it is the code that runs against Mesos. It answers as a real master and agent were recorded to answer
// (test/contract replays those recordings against it). Tasks are real processes, each in a process group and a
// sandbox of its own; or, with Config.Simulate, timers, so that thousands of agents and thousands of tasks a second
// cost little. It never runs anything for production: its registry is in memory, and it asks nobody who they are.
//
// internal/manager starts it for --dev, cmd/devcluster serves it as a process of its own, tests use its hooks:
// Master.DropStreams, Master.Silence, Master.SetHooks, Cluster.RestartMaster, Agent.Partition, Agent.Crash, Agent.HoldExecutors and
// Agent.KillStartingExecutors; from another process by Cluster.ServeFaults.
//
// # Who may call
//
// Whoever reaches its ports may run anything. It listens on loopback unless configured otherwise, and keeps browsers out: requests with a
// Host that is neither a name of loopback, nor its own address, nor in Config.Hosts, and those that a page of another site makes, are
// refused with 403.
//
// # Simulated tasks
//
// The label sim of a task says how it ends: ok, exit:N, lost or never, then optionally a comma and how long it runs,
// as in "exit:3,10ms". Without the label it succeeds at once. Simulated tasks have no sandbox.
//
// # Fetching
//
// http, https, ftp, ftps and files are fetched as by Mesos's fetcher, whose rules for names and archives are kept; everything
// else by the Hadoop client, if there is one. https trusts what Go trusts: the system's roots, or SSL_CERT_FILE.
//
// # Logs of executors
//
// The stderr of a sandbox has, beside what the task writes, what Mesos's command or Docker executor and its fetcher log there: the
// lines of 1.11.0, in glog's format. Left out are those about kills and checks, and the fetcher's first, its input in JSON.
//
// # Docker
//
// Tasks in Docker containers, and custom executors in them, run by the docker command line where a daemon answers
// (Config.DockerHost), with the arguments that Mesos's Docker containerizer and executor give it: pull, run, inspect,
// stop, rm; command checks by docker exec, HTTP and TCP checks from inside of the container's network. Containers are
// removed when they end, at once and not after six hours; those that a kill -9 left, when the next cluster starts on
// the work dir: they have a label with its path. max_completion_time counts from TASK_RUNNING. TASK_RUNNING and the last
// update have the times at which the daemon says that the container started and ended. Left out: DNS
// defaults, cgroups_enable_cfs, limits beside requests, the inspect output in TASK_RUNNING, recovery of containers by
// a restarted agent process, which here is the same one. Where no daemon answers they are refused as by an agent
// without the Docker containerizer.
//
// # How it is built
//
// Master and agents are one state machine under one lock (Cluster.mu). What passes between them, passes as calls of
// methods that do nothing while the other side is not reached. Everything that is due later is a timer on one heap.
// A stream is a queue that the handler of its SUBSCRIBE request writes out without the lock.
//
// # What is left out
//
//   - Authentication, authorization, TLS of the master (agents may have it), ZooKeeper, several masters and redirects
//     between them.
//   - Operations other than LAUNCH and LAUNCH_GROUP (RESERVE, CREATE and so on): 400. Reservations can be configured,
//     not made. Revocable resources, disks and persistent volumes: the task is invalid.
//   - Images, volumes, networks, devices, rlimits and ttys of Mesos containers: refused as by an agent without these
//     isolators, or without any CNI network. So are secrets by reference, unless Config.SecretsDir has them. cpus, memory
//     and disk are counted, not enforced.
//   - Custom executors speak the v1 executor API over HTTP, not libprocess, and get one task each. Task groups run
//     without an executor process of their own, and not on custom executors.
//   - Simulated mode has neither task groups nor custom executors, checks or sandboxes.
//   - agent_reregister_timeout: agents that a restarted master waits for, it waits for without end.
//   - Quota, weights, hierarchical roles' sharing, offer constraints, domains. Fairness is by framework, in whole
//     agents, as in Mesos's default allocator with few frameworks.
//   - MARK_AGENT_GONE; most of the operator API and of /state.
//   - Users are honoured only when it runs as root.
//   - Listening on all addresses works, but offers then name 127.0.0.1.
//
// # Where things are
//
// Cluster and configuration:
//
//   - cluster.go: start and stop; listen.go: ports and HTTP servers; config.go: options; parse.go: --resources and
//     --attributes; guard.go: who may call; timers.go: what is due later; leftovers.go: what a killed cluster left
//   - hooks.go, loss.go, startup.go: failures for tests (streams, partitions, crashes, executors that do not
//     register); faults.go: the same from another process
//
// The master:
//
//   - scheduler.go: the scheduler API, decoding and checking of calls; calls.go: what each call does; accept.go:
//     ACCEPT; validate.go: what the master finds wrong with a task
//   - master.go: frameworks, nodes and tasks, SUBSCRIBE, failover; stream.go: the events of a subscription;
//     updates.go: status updates, RECONCILE
//   - offers.go: allocation, offers, filters; resources.go: arithmetic of resources; maintenance.go: the maintenance
//     schedule, inverse offers; operator.go: the operator API, draining
//
// The agents:
//
//   - agent.go: an agent's tasks and their updates; run.go: one task; execute.go: its process, from start to end;
//     kill.go: killing a task, by a call or for its time; command.go: command line and environment;
//     user.go: as which user it runs, and that there is such a user; simulate.go: simulated tasks; custom.go: the executor
//     API
//   - checks.go: checks and health checks; secrets.go: secrets in the environment; executorlog.go: what executors log
//   - docker.go: the docker command; dockerargs.go: arguments of docker run; dockerrun.go: a task in a container;
//     netns_linux.go, netns_other.go: dialling into its network
//   - fetch.go: URIs of a task; fetchcache.go: the fetcher's cache; ftp.go, hadoop.go: FTP and HDFS; extract.go:
//     archives
//   - sandbox.go: sandboxes and their removal; files.go: reading files in them; agent_http.go: the agent's endpoints;
//     agent_state.go: /state
//   - uuid.go: ids
package devcluster
