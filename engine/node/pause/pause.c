/* pause holds a pod's namespaces open. As process 1 of a shared PID namespace
 * it also reaps the orphans of the pod's containers. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void end(int sig) { (void)sig; ended = 1; }

static void reap(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	struct sigaction on_end = { .sa_handler = end };
	struct sigaction on_child = { .sa_handler = reap, .sa_flags = SA_NOCLDSTOP };
	sigset_t blocked, none;

	/* The signals stay blocked outside of sigsuspend, so that none is lost
	 * between the test of `ended` and the wait. */
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) || sigaction(SIGTERM, &on_end, NULL) ||
	    sigaction(SIGINT, &on_end, NULL) || sigaction(SIGCHLD, &on_child, NULL))
		return 1;
	while (!ended)
		sigsuspend(&none);
	return 0;
}
