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
//     compared, whenever a call uses one and at the end; where that is one offer, all of it is;
//   - master_info.capabilities: one of three has no name in the recordings and is left out;
//   - time: against the dev cluster, intervals of the master and of the calls, and sleeps of the tasks, are divided by
//     a factor, so that a recording of 37 s takes 4.
//
// The recorder's notes say what it did to processes; every one is known to the replay, which does the same to the
// dev cluster. Scenarios that need this are skipped with the reason where the master is a real one.
package contract
