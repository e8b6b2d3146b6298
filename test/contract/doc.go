// Package contract replays what a real Mesos 1.11 was recorded to do (testdata/recordings, one scenario a file) against
// the dev cluster, or with HORAE_TEST_MESOS=http://host:5050 against that master. It has nothing but tests.
//
// A replay walks through a recording. It makes the recorded calls with the ids that the live master gave, waits for
// each recorded event, and compares: status codes and bodies of answers, the events of each task and each kind in
// their order, every field of them. An event that was not recorded is a difference too. What is normalised:
//
//   - ids, uuids, stream ids, container ids, ports and directories: each recorded one stands for one live one, and for
//     no other;
//   - timestamps, process ids and sizes of log files: their presence is compared;
//   - the order of events of different tasks, which a real master does not promise;
//   - HEARTBEAT: there must be as many as recorded, at the scaled interval, but there may be more;
//   - OFFERS: which rounds bring back what depends on milliseconds, so the sum of all offers that are out is
//     compared, whenever a call uses one and at the end; where that is one offer, all of it is; the end of an offer
//     that stands for no recorded one is no difference;
//   - master_info.capabilities: one of three has no name in the recordings and is left out;
//   - time: against the dev cluster, intervals of the master and of the calls, and sleeps of the tasks, are divided by
//     a factor, so that a recording of 37 s takes 4.
//
// The recorder's notes say what it did to processes; the replay does the same to the dev cluster.
//
// # Against a real master
//
//	HORAE_TEST_MESOS=http://127.0.0.1:5050 go test -count=1 -v ./test/contract
//
// It must have one agent, at 127.0.0.1:5051 with --hostname=127.0.0.1, and resources and attributes as in the recordings:
// --resources='cpus:4;mem:4096;disk:10000;ports:[31000-32000]' --attributes='rack:r1;zone:z1;cores:16;vlans:[10-20]'. Tasks run on
// this machine, and fetch files from it. Scenarios run one after another, in recorded time.
//
// Six scenarios kill processes or need other flags. They are skipped unless there are commands for this, one for the master and one for
// the agent. A shell runs each with an action, and flags, as further arguments; it returns when that is done:
//
//	HORAE_TEST_MESOS_MASTER="./control master" HORAE_TEST_MESOS_AGENT="./control agent"
//
//	kill           SIGKILL
//	start          start it again, with the same flags and on the same work_dir
//	fresh FLAG...  kill it if it runs, empty its work_dir, and start it with the usual flags and these, which win
//	stop           SIGSTOP, of the agent alone
//	continue       SIGCONT, of the agent alone
//
// Each such scenario begins with a fresh master and a fresh agent, and ends with both as usual.
package contract
