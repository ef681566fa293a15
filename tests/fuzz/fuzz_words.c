/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a canary gone mad to the privileged loader (serving.c, serving_manager.c): whatever it
 * says, only an interface is attached to that may be, each once, and the service manager hears
 * well-formed lines with numbers in them. And the loader's words to the canary (interfaces.c).
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attachment.h"
#include "fuzz.h"
#include "interfaces.h"
#include "log.h"
#include "notify.h"

#define WORDS_FD 1000

static struct {
	struct input input;
	struct local_time now;
	uint32_t asked; /* ifindex of the word that is being served */
	bool whole;	/* it was a word by its length */
	uint32_t answers;
} host;

/* Interfaces with odd numbers are allowed. */
static char *host_indextoname(unsigned int ifindex, char *name)
{
	require(ifindex > 0 && ifindex <= INT32_MAX);
	if (ifindex % 8 == 7)
		return NULL;
	snprintf(name, IF_NAMESIZE, ifindex % 2 ? "allowed0" : "other0");
	return name;
}

static ssize_t host_recv(int fd, void *to, size_t capacity, int flags)
{
	uint8_t kind = input_octet(&host.input);
	size_t length = kind == 0xff ? input_octet(&host.input) : capacity;

	require(fd == WORDS_FD && (flags & MSG_DONTWAIT));
	if (kind == 0xfe) {
		errno = EAGAIN;
		return -1;
	}
	input_take(&host.input, to, length < capacity ? length : capacity);
	if (kind < 128) { /* most are words */
		struct word *word = to;

		word->kind = kind % 16;
		word->ifindex = kind & 64 ? word->ifindex : word->ifindex % 64;
	}
	host.asked = ((struct word *)to)->ifindex;
	host.whole = length == sizeof(struct word);
	return (ssize_t)length;
}

static ssize_t host_send(int fd, const void *from, size_t length, int flags)
{
	const struct word *word = from;

	require(fd == WORDS_FD && length == sizeof(*word));
	require((flags & MSG_DONTWAIT) && (flags & MSG_NOSIGNAL));
	require(host.whole && word->kind == WORD_ATTACHED && word->ifindex == host.asked);
	require((word->egress.mode == HOOK_NONE) == (word->egress.error != 0) ||
		word->egress.error == 0);
	host.answers++;
	errno = EAGAIN;
	return host.asked % 3 ? (ssize_t)length : -1;
}

static unsigned int host_alarm(unsigned int seconds)
{
	return seconds;
}

static struct local_time host_now(void)
{
	return host.now;
}

#define if_indextoname host_indextoname
#define recv	       host_recv
#define send	       host_send
#define alarm	       host_alarm
#define loop_now       host_now
#include "../../src/serving.c"
#undef send

/* Of serving_run(), which is not run here. */
void footprint_forget_start(void)
{
}

void footprint_forget_rare(void)
{
}

/* One that attaches at once. */
void attachment_init(struct attachment *attachment, uint32_t ifindex)
{
	*attachment = (struct attachment){ .ifindex = ifindex };
}

bool attachment_stands(const struct attachment *attachment)
{
	return attachment->egress.state.mode == HOOK_TCX;
}

bool attachment_idle(const struct attachment *attachment, struct local_time now)
{
	return !attachment_stands(attachment) && local_since(now, attachment->egress.again_at) >= 0;
}

void attachment_ensure(struct attachment *attachment, const struct attachment_policy *policy,
		       struct local_time now)
{
	require(policy && attachment->ifindex == host.asked);
	require(attachment->ifindex % 2 == 1 || attachment->ifindex % 8 == 7);
	attachment->egress.state = (struct word_direction){ .mode = HOOK_TCX };
	attachment->egress.again_at = local_after(now, NS_PER_SECOND);
}

void attachment_renew(struct attachment *attachment, const struct attachment_policy *policy,
		      bool egress, struct local_time now)
{
	(void)egress;
	attachment_ensure(attachment, policy, now);
}

void attachment_release(struct attachment *attachment, int err)
{
	attachment->egress.state = (struct word_direction){ .mode = HOOK_NONE, .error = -err };
}

/* Numbers of what the canary says, but none that cannot be. */
static void check_status(const char *line)
{
	unsigned int probed, attached, interfaces;

	require(sscanf(line, "STATUS=%u peer%*[s] probed, attached to %u of %u", &probed, &attached,
		       &interfaces) == 3 ||
		sscanf(line, "STATUS=%u peer probed, attached to %u of %u", &probed, &attached,
		       &interfaces) == 3);
	require(probed <= UINT16_MAX && attached <= interfaces && interfaces <= INTERFACE_CAPACITY);
}

/* What the manager is told: lines of NAME=value, without anything else in them. */
int notify_send(const struct notify *notify, const char *lines, size_t length)
{
	static const char *const known[] = { "READY=1\n", "WATCHDOG=1\n", "STATUS=" };
	const char *end = lines + length;

	require(notify && length > 0 && length < 256 && lines[length - 1] == '\n');
	while (lines < end) {
		size_t which = 0;

		while (which < 3 && strncmp(lines, known[which], strlen(known[which])) != 0)
			which++;
		require(host.whole && which < 3);
		if (which == 2)
			check_status(lines);
		lines = (const char *)memchr(lines, '\n', (size_t)(end - lines)) + 1;
	}
	return 0;
}

static void check_attachments(const struct server *server)
{
	for (size_t i = 0; i < INTERFACE_CAPACITY; i++) {
		uint32_t ifindex = server->attachments[i].ifindex;

		require(ifindex <= INT32_MAX);
		for (size_t j = 0; j < i && ifindex; j++)
			require(server->attachments[j].ifindex != ifindex);
	}
}

static void fuzz_loader(struct input input)
{
	static struct config config = { .bpf_interfaces = { "allowed0" },
					.bpf_interfaces_count = 1 };
	const struct attachment_policy policy = { .device_fd = -1 };
	const struct notify notify = { .fd = 1, .watchdog_ns = NS_PER_SECOND };
	const struct serving serving = { .config = &config, .policy = &policy, .notify = &notify };
	struct server server = { .serving = &serving,
				 .manager.notify = &notify,
				 .words_fd = WORDS_FD };

	host.input = input;
	host.now = (struct local_time){ .ns = 5 * NS_PER_SECOND };
	while (host.input.length > 0 && server.words_fd >= 0) {
		uint32_t answers = host.answers;

		server_on_words(&server);
		require(host.answers <= answers + 1);
		check_attachments(&server);
		host.now = local_after(host.now, input_octet(&host.input) * 20 * NS_PER_MS);
	}
}

static void fuzz_canary(struct input input)
{
	struct interfaces *interfaces;
	struct local_time now = { .ns = 5 * NS_PER_SECOND };

	require(interfaces_open(2, &interfaces) == 0);
	for (uint32_t slot = 0; slot < 2; slot++)
		interfaces_route(interfaces, slot,
				 &(struct interface_name){ .ifindex = slot + 1, .name = "x" }, 1,
				 now);
	for (int i = 0; i < 32 && input.length > 0; i++) {
		struct word word, ask;

		input_take(&input, &word, sizeof(word));
		word.kind %= 16;
		word.ifindex %= 4;
		interfaces_on_word(interfaces, &word);
		for (int words = 0; interfaces_next_word(interfaces, now, &ask); words++)
			require(words < 4 * INTERFACE_CAPACITY && ask.ifindex >= 1 &&
				ask.ifindex <= 2);
		require(interfaces_get(interfaces, 0)->ifindex == 1);
		for (uint32_t j = 0; j < INTERFACE_CAPACITY; j++) {
			const struct interface *one = interfaces_get(interfaces, j);

			require(*hook_mode_name(one->egress.mode));
			(void)interface_in_place(one);
		}
		interfaces_on_evidence(interfaces, i & 1, word.egress.mode % 5);
		now = local_after(now, NS_PER_SECOND);
	}
	interfaces_close(interfaces);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_setup(LOG_LEVEL_ERROR, 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	fuzz_loader((struct input){ octets, length });
	fuzz_canary((struct input){ octets, length });
	return 0;
}
