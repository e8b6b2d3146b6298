package run

import (
	v1 "horae/api/v1"
	"horae/internal/offer"
)

// class says what follows the end of an attempt.
type class int

const (
	// lives: the attempt goes on, nothing ended.
	lives class = iota
	// done: the Run has succeeded.
	done
	// usual: the attempt counts and is retried by the Run's rules.
	usual
	// lost: what became of the work is unknown. The attempt counts, and is retried unless retries.onLost is false.
	lost
	// unstarted: the task never began. It is retried with a back-off of its own and does not count.
	unstarted
	// aborted: the task's executor ended, and nothing says that the task had started. It is as unstarted for
	// the first few of a Run (freeAborts), and from then on what the state's row for any attempt says: what
	// ends each executor may be the task itself.
	aborted
	// permanent: a retry would end in the same way.
	permanent
	// killed: somebody killed the task; who it was, and so what follows, Plan knows.
	killed
)

// progress is how far an attempt has come, as far as Mesos has reported.
type progress int

const (
	// sent: nothing is known but that the attempt's ACCEPT was sent, or will be.
	sent progress = iota
	// staged: Mesos has the task.
	staged
	// started: the task's executor has it. The task may have run.
	started
)

// progressOf is what a state says of how far its attempt has come. An end says nothing: Mesos reports one for
// tasks that never ran, too.
func progressOf(state offer.State) progress {
	switch state {
	case offer.TaskStaging:
		return staged
	case offer.TaskStarting, offer.TaskRunning:
		return started
	}
	return sent
}

// row is one line of the table: what a task state, with a reason, means.
type row struct {
	state  offer.State
	reason string // without REASON_; "": any that has no row of its own
	// before: the row holds only for attempts that have not come so far; zero: for all.
	before progress

	class class
	// phase that the attempt gets; "": it keeps its own.
	phase v1.RunPhase
	// unreachable marks an attempt whose agent is cut off.
	unreachable bool
	// word is the reason that the user reads, in one word; "": Mesos's.
	word string
	// text is what the user reads; Mesos's own message, if there is one, follows it.
	text string
}

// Reasons of Horae's own, as they stand in a Run's or an attempt's status.reason.
const (
	reasonCancelled        = "Cancelled"
	reasonDeleted          = "Deleted"
	reasonJobDeleted       = "JobDeleted"
	reasonTimeout          = "Timeout"
	reasonDeadline         = "DeadlineExceeded"
	reasonQueueTimeout     = "QueueTimeout"
	reasonStartingDeadline = "StartingDeadlineExceeded"
	reasonRetrying         = "Retrying"
	reasonUnreachable      = "Unreachable"
	reasonMaintenance      = "AgentMaintenance"
	reasonUnhealthy        = "Unhealthy"
	reasonNotAccepted      = "NotAccepted"
	reasonLost             = "Lost"
	reasonNotStarted       = "NotStarted"
	reasonFailed           = "TaskFailed"
	reasonPermanent        = "PermanentFailure"
	reasonAwaitingCallback = "AwaitingCallback"
	reasonCallbackFailed   = "CallbackFailed"
	reasonCallbackTimeout  = "CallbackTimeout"
	reasonMarked           = "MarkedSucceeded"
	reasonKilled           = "Killed"
	reasonFrameworkRemoved = "FRAMEWORK_REMOVED"
)

// Reasons of Mesos that Plan looks at, without their prefix.
const (
	mesosReconciliation = "RECONCILIATION"
	mesosLaunchFailed   = "CONTAINER_LAUNCH_FAILED"
	// notSent is Horae's own: the ACCEPT did not leave the house.
	notSent = "NOT_SENT"
)

// states is the one table of Mesos's task states and their reasons (1.11); docs/task-states.md is made of it.
// The first row whose state, reason and condition fit is taken; the last row of each state fits always, which a
// test holds it to. Updates whose row has no phase, or that find the attempt in that phase already, change
// nothing and are acknowledged without a write.
//
// An answer to reconciliation has neither the reason nor the message of the update that it repeats. Of a task
// that failed, was killed or dropped these decide what follows (was its agent drained? which exit code?). Mesos
// knows such an end only until its update is acknowledged, and the agent sends that again until then: so it is
// waited for, and the answer changes nothing.
var states = []row{
	{state: offer.TaskStaging, reason: mesosReconciliation},
	{state: offer.TaskStaging},

	{state: offer.TaskStarting, reason: mesosReconciliation},
	{state: offer.TaskStarting},

	{state: offer.TaskRunning, reason: "TASK_HEALTH_CHECK_STATUS_UPDATED", phase: v1.RunRunning},
	{state: offer.TaskRunning, reason: "TASK_CHECK_STATUS_UPDATED", phase: v1.RunRunning},
	{state: offer.TaskRunning, reason: "AGENT_REREGISTERED", phase: v1.RunRunning},
	{state: offer.TaskRunning, reason: mesosReconciliation, phase: v1.RunRunning},
	{state: offer.TaskRunning, phase: v1.RunRunning},

	{state: offer.TaskKilling, reason: "AGENT_DRAINING"},
	{state: offer.TaskKilling, reason: mesosReconciliation},
	{state: offer.TaskKilling},

	{state: offer.TaskFinished, reason: mesosReconciliation, class: done, phase: v1.RunSucceeded},
	{state: offer.TaskFinished, reason: "AGENT_REREGISTERED", class: done, phase: v1.RunSucceeded},
	{state: offer.TaskFinished, class: done, phase: v1.RunSucceeded},

	{state: offer.TaskFailed, reason: "MAX_COMPLETION_TIME_REACHED", class: usual, phase: v1.RunFailed,
		word: reasonTimeout, text: "the attempt took longer than its timeout"},
	{state: offer.TaskFailed, reason: "CONTAINER_LIMITATION_MEMORY", class: usual, phase: v1.RunFailed,
		word: "OutOfMemory", text: "the task used more memory than it asked for"},
	{state: offer.TaskFailed, reason: "CONTAINER_LIMITATION_DISK", class: usual, phase: v1.RunFailed,
		word: "OutOfDisk", text: "the task used more disk than it asked for"},
	{state: offer.TaskFailed, reason: "CONTAINER_LIMITATION", class: usual, phase: v1.RunFailed,
		word: "LimitExceeded", text: "the task used more than it asked for"},
	{state: offer.TaskFailed, reason: mesosLaunchFailed, class: usual, phase: v1.RunFailed,
		word: "LaunchFailed", text: "the agent could not start the task"},
	{state: offer.TaskFailed, reason: "CONTAINER_PREEMPTED", class: lost, phase: v1.RunLost,
		word: "Preempted", text: "the agent took the task's resources back"},
	{state: offer.TaskFailed, reason: "CONTAINER_UPDATE_FAILED", class: lost, phase: v1.RunLost,
		word: "ContainerUpdateFailed", text: "the agent could not change the container's resources and ended it"},
	{state: offer.TaskFailed, reason: "COMMAND_EXECUTOR_FAILED", class: usual, phase: v1.RunFailed,
		word: "ExecutorFailed", text: "the command executor failed"},
	{state: offer.TaskFailed, reason: "EXECUTOR_REGISTRATION_TIMEOUT", before: started, class: aborted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the executor did not come up in time"},
	{state: offer.TaskFailed, reason: "EXECUTOR_REGISTRATION_TIMEOUT", class: usual, phase: v1.RunFailed,
		word: "ExecutorFailed", text: "the executor did not come up in time"},
	{state: offer.TaskFailed, reason: "EXECUTOR_REREGISTRATION_TIMEOUT", class: lost, phase: v1.RunLost,
		word: "AgentRestarted", text: "the executor did not come back after the agent's restart"},
	{state: offer.TaskFailed, reason: "EXECUTOR_TERMINATED", before: started, class: aborted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the executor ended before the task had started"},
	{state: offer.TaskFailed, reason: "EXECUTOR_TERMINATED", class: usual, phase: v1.RunFailed,
		word: "ExecutorFailed", text: "the executor ended without saying how the task did"},
	{state: offer.TaskFailed, reason: "EXECUTOR_UNREGISTERED", before: started, class: aborted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the executor left before the task had started"},
	{state: offer.TaskFailed, reason: "EXECUTOR_UNREGISTERED", class: usual, phase: v1.RunFailed,
		word: "ExecutorFailed", text: "the executor left"},
	{state: offer.TaskFailed, reason: "IO_SWITCHBOARD_EXITED", class: usual, phase: v1.RunFailed,
		word: "IOSwitchboardExited", text: "what carries the task's output on its agent ended unexpectedly"},
	{state: offer.TaskFailed, reason: "TASK_HEALTH_CHECK_STATUS_UPDATED", class: usual, phase: v1.RunFailed,
		word: reasonUnhealthy, text: "the health check failed"},
	{state: offer.TaskFailed, reason: "AGENT_REREGISTERED", class: usual, phase: v1.RunFailed,
		word: reasonFailed, text: "the task failed while its agent was unreachable"},
	{state: offer.TaskFailed, reason: mesosReconciliation},
	{state: offer.TaskFailed, class: usual, phase: v1.RunFailed, word: reasonFailed},

	{state: offer.TaskKilled, reason: "AGENT_DRAINING", class: lost, phase: v1.RunLost,
		word: "AgentDraining", text: "the agent is being drained"},
	{state: offer.TaskKilled, reason: "CONTAINER_PREEMPTED", class: lost, phase: v1.RunLost,
		word: "Preempted", text: "the agent took the task's resources back"},
	{state: offer.TaskKilled, reason: reasonFrameworkRemoved, class: lost, phase: v1.RunLost,
		word: "FrameworkRemoved", text: "Mesos removed the framework"},
	{state: offer.TaskKilled, reason: "TASK_KILLED_DURING_LAUNCH", class: killed, phase: v1.RunKilled,
		word: reasonKilled, text: "the task was killed before it had begun"},
	{state: offer.TaskKilled, reason: "EXECUTOR_UNREGISTERED", class: killed, phase: v1.RunKilled,
		word: reasonKilled, text: "the task was killed before its executor had come up"},
	{state: offer.TaskKilled, reason: "AGENT_REREGISTERED", class: killed, phase: v1.RunKilled,
		word: reasonKilled, text: "the task was killed while its agent was unreachable"},
	{state: offer.TaskKilled, reason: mesosReconciliation},
	{state: offer.TaskKilled, class: killed, phase: v1.RunKilled, word: reasonKilled, text: "the task was killed"},

	{state: offer.TaskError, reason: "INVALID_OFFERS", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the offer was gone"},
	{state: offer.TaskError, reason: "TASK_INVALID", class: permanent, phase: v1.RunFailed,
		word: "InvalidTask", text: "Mesos refused the task"},
	{state: offer.TaskError, reason: "TASK_GROUP_INVALID", class: permanent, phase: v1.RunFailed,
		word: "InvalidTask", text: "Mesos refused the task group"},
	{state: offer.TaskError, reason: "TASK_UNAUTHORIZED", class: permanent, phase: v1.RunFailed,
		word: "Unauthorized", text: "Mesos does not let this framework run the task"},
	{state: offer.TaskError, reason: "TASK_GROUP_UNAUTHORIZED", class: permanent, phase: v1.RunFailed,
		word: "Unauthorized", text: "Mesos does not let this framework run the task group"},
	{state: offer.TaskError, reason: mesosReconciliation, class: permanent, phase: v1.RunFailed,
		word: "InvalidTask", text: "Mesos refused the task"},
	{state: offer.TaskError, class: permanent, phase: v1.RunFailed,
		word: "InvalidTask", text: "Mesos refused the task"},

	{state: offer.TaskDropped, reason: notSent, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the task was not sent to Mesos"},
	{state: offer.TaskDropped, reason: "INVALID_OFFERS", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the offer was gone"},
	{state: offer.TaskDropped, reason: "AGENT_DISCONNECTED", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent was disconnected"},
	{state: offer.TaskDropped, reason: "AGENT_REMOVED", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent was gone"},
	{state: offer.TaskDropped, reason: "AGENT_UNKNOWN", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent was gone"},
	{state: offer.TaskDropped, reason: "AGENT_RESTARTED", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent restarted"},
	{state: offer.TaskDropped, reason: "AGENT_DRAINING", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent is being drained"},
	{state: offer.TaskDropped, reason: "MASTER_DISCONNECTED", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the master was not connected"},
	{state: offer.TaskDropped, reason: "RESOURCES_UNKNOWN", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the master does not know the resources any more"},
	{state: offer.TaskDropped, reason: "GC_ERROR", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent could not keep a directory of the task from being collected as garbage"},
	{state: offer.TaskDropped, reason: "EXECUTOR_TERMINATED", class: usual, phase: v1.RunFailed,
		word: "LaunchFailed", text: "the agent could not start the task"},
	{state: offer.TaskDropped, reason: mesosReconciliation},
	{state: offer.TaskDropped, class: usual, phase: v1.RunFailed,
		word: "LaunchFailed", text: "the agent could not start the task"},

	// A partition-aware framework gets TASK_DROPPED, TASK_GONE or TASK_UNREACHABLE in most of these cases.
	// Where Mesos gives a reason that says that the task never began, it is believed as long as nothing says
	// otherwise.
	{state: offer.TaskLost, reason: "INVALID_OFFERS", class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the offer was gone"},
	{state: offer.TaskLost, reason: "AGENT_DISCONNECTED", before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent was disconnected"},
	{state: offer.TaskLost, reason: "AGENT_DISCONNECTED", class: lost, phase: v1.RunLost,
		word: "AgentDisconnected", text: "the agent was disconnected"},
	{state: offer.TaskLost, reason: "AGENT_RESTARTED", before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent restarted"},
	{state: offer.TaskLost, reason: "AGENT_RESTARTED", class: lost, phase: v1.RunLost,
		word: "AgentRestarted", text: "the agent restarted"},
	{state: offer.TaskLost, reason: "MASTER_DISCONNECTED", before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the master was not connected"},
	{state: offer.TaskLost, reason: "MASTER_DISCONNECTED", class: lost, phase: v1.RunLost,
		word: reasonLost, text: "the master was not connected"},
	{state: offer.TaskLost, reason: "RESOURCES_UNKNOWN", before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the master does not know the resources any more"},
	{state: offer.TaskLost, reason: "RESOURCES_UNKNOWN", class: lost, phase: v1.RunLost,
		word: reasonLost, text: "the master does not know the resources any more"},
	{state: offer.TaskLost, reason: "GC_ERROR", before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the agent could not keep a directory of the task from being collected as garbage"},
	{state: offer.TaskLost, reason: "GC_ERROR", class: lost, phase: v1.RunLost,
		word: reasonLost, text: "the agent could not keep a directory of the task from being collected as garbage"},
	{state: offer.TaskLost, reason: "AGENT_REMOVED", class: lost, phase: v1.RunLost,
		word: "AgentRemoved", text: "the agent was removed"},
	{state: offer.TaskLost, reason: "AGENT_UNKNOWN", class: lost, phase: v1.RunLost,
		word: "AgentRemoved", text: "the agent is not known any more"},
	{state: offer.TaskLost, reason: "AGENT_REMOVED_BY_OPERATOR", class: lost, phase: v1.RunLost,
		word: "AgentGone", text: "an operator declared the agent gone"},
	{state: offer.TaskLost, reason: "CONTAINER_PREEMPTED", class: lost, phase: v1.RunLost,
		word: "Preempted", text: "the agent took the task's resources back"},
	{state: offer.TaskLost, reason: "CONTAINER_UPDATE_FAILED", class: lost, phase: v1.RunLost,
		word: "ContainerUpdateFailed", text: "the agent could not change the container's resources and ended it"},
	{state: offer.TaskLost, reason: "EXECUTOR_TERMINATED", before: started, class: aborted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the executor had ended before the task reached it"},
	{state: offer.TaskLost, reason: "EXECUTOR_TERMINATED", class: lost, phase: v1.RunLost,
		word: "ExecutorFailed", text: "the executor had ended before the task reached it"},
	{state: offer.TaskLost, reason: reasonFrameworkRemoved, class: lost, phase: v1.RunLost,
		word: "FrameworkRemoved", text: "Mesos removed the framework, and its tasks with it"},
	{state: offer.TaskLost, reason: mesosReconciliation, class: lost, phase: v1.RunLost,
		word: reasonLost, text: "Mesos lost the task"},
	{state: offer.TaskLost, class: lost, phase: v1.RunLost, word: reasonLost, text: "Mesos lost the task"},

	{state: offer.TaskUnreachable, reason: "AGENT_REMOVED", unreachable: true,
		word: reasonUnreachable, text: "the master cannot reach the agent"},
	{state: offer.TaskUnreachable, reason: mesosReconciliation, unreachable: true,
		word: reasonUnreachable, text: "the master cannot reach the agent"},
	{state: offer.TaskUnreachable, unreachable: true,
		word: reasonUnreachable, text: "the master cannot reach the agent"},

	{state: offer.TaskGone, reason: mesosReconciliation, before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the task never reached the agent"},
	{state: offer.TaskGone, reason: mesosReconciliation, class: lost, phase: v1.RunLost,
		word: reasonLost, text: "the agent does not know the task any more"},
	{state: offer.TaskGone, reason: "CONTAINER_PREEMPTED", class: lost, phase: v1.RunLost,
		word: "Preempted", text: "the agent took the task's resources back"},
	{state: offer.TaskGone, reason: "CONTAINER_UPDATE_FAILED", class: lost, phase: v1.RunLost,
		word: "ContainerUpdateFailed", text: "the agent could not change the container's resources and ended it"},
	{state: offer.TaskGone, class: lost, phase: v1.RunLost,
		word: reasonLost, text: "the agent does not know the task any more"},

	{state: offer.TaskGoneByOperator, reason: "AGENT_REMOVED_BY_OPERATOR", class: lost, phase: v1.RunLost,
		word: "AgentGone", text: "an operator declared the agent gone"},
	{state: offer.TaskGoneByOperator, reason: mesosReconciliation, class: lost, phase: v1.RunLost,
		word: "AgentGone", text: "an operator declared the agent gone"},
	{state: offer.TaskGoneByOperator, class: lost, phase: v1.RunLost,
		word: "AgentGone", text: "an operator declared the agent gone"},

	{state: offer.TaskUnknown, reason: mesosReconciliation, before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the task never reached Mesos"},
	{state: offer.TaskUnknown, reason: mesosReconciliation, class: lost, phase: v1.RunLost,
		word: reasonLost, text: "Mesos does not know the task any more"},
	{state: offer.TaskUnknown, before: staged, class: unstarted, phase: v1.RunLost,
		word: reasonNotStarted, text: "the task never reached Mesos"},
	{state: offer.TaskUnknown, class: lost, phase: v1.RunLost,
		word: reasonLost, text: "Mesos does not know the task any more"},
}

// byState indexes states, so that an update finds its row among a dozen at most.
var byState = func() map[offer.State][]row {
	m := map[offer.State][]row{}
	for _, r := range states {
		m[r.state] = append(m[r.state], r)
	}
	return m
}()

// meaning finds the row of an update of an attempt that has come so far. A state that Mesos 1.11 does not have
// means nothing: the attempt lives, and reconciliation will show what became of it.
func meaning(state offer.State, reason string, so progress) row {
	for _, r := range byState[state] {
		if (r.reason == "" || r.reason == reason) && (r.before == 0 || so < r.before) {
			return r
		}
	}
	return row{state: state}
}

// abortedBy reports whether the reason is that of an attempt that was aborted.
func abortedBy(reason string) bool { return meaning(offer.TaskFailed, reason, sent).class == aborted }

// terminal reports whether a task in this state is dead for good; one that is unreachable may come back.
func terminal(state offer.State) bool {
	r := meaning(state, "", started)
	return r.class != lives
}
