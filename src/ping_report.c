/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words and figures of `kube-canary ping`. Must not know where they come from, nor where they
 * go.
 */
#include "ping_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- figures --- */

void ping_figures_add(struct ping_figures *figures, int64_t rtt_ns)
{
	double beside;

	if (figures->count == 0) {
		figures->first_ns = rtt_ns;
		figures->least_ns = rtt_ns;
		figures->most_ns = rtt_ns;
		figures->smoothed_ns = (double)rtt_ns;
	}
	beside = (double)(rtt_ns - figures->first_ns);
	figures->sum_ns += beside;
	figures->squares += beside * beside;
	figures->smoothed_ns += ((double)rtt_ns - figures->smoothed_ns) / 8;
	if (rtt_ns < figures->least_ns)
		figures->least_ns = rtt_ns;
	if (rtt_ns > figures->most_ns)
		figures->most_ns = rtt_ns;
	figures->last_ns[figures->count++ % PING_LAST] = rtt_ns;
}

int64_t ping_figures_mean_ns(const struct ping_figures *figures)
{
	if (figures->count == 0)
		return 0;
	return figures->first_ns + (int64_t)(figures->sum_ns / (double)figures->count);
}

/* Rounded down; libm is not needed for more. */
static uint64_t square_root(uint64_t value)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1) {
		if ((root + bit) * (root + bit) <= value)
			root += bit;
	}
	return root;
}

int64_t ping_figures_deviation_ns(const struct ping_figures *figures)
{
	double count = (double)figures->count;
	double mean, variance;

	if (figures->count == 0)
		return 0;
	mean = figures->sum_ns / count;
	variance = figures->squares / count - mean * mean;
	return variance > 0 ? (int64_t)square_root((uint64_t)variance) : 0;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

int64_t ping_figures_percentile_ns(struct ping_figures *figures, unsigned int per_mille)
{
	uint64_t count = figures->count < PING_LAST ? figures->count : PING_LAST;
	uint64_t rank = (count * per_mille + 999) / 1000;

	if (count == 0)
		return 0;
	qsort(figures->last_ns, count, sizeof(figures->last_ns[0]), compare);
	return figures->last_ns[rank > 0 ? rank - 1 : 0];
}

/* --- words --- */

struct words {
	char *buffer;
	size_t capacity;
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	size_t room = words->capacity - words->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(words->buffer + words->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		words->length += (size_t)length < room ? (size_t)length : room - 1;
}

struct unit {
	const char *name;
	double ns;
};

static struct unit unit_of(int64_t value_ns)
{
	if (value_ns < NS_PER_MS)
		return (struct unit){ "us", NS_PER_US };
	if (value_ns < NS_PER_SECOND)
		return (struct unit){ "ms", NS_PER_MS };
	return (struct unit){ "s", NS_PER_SECOND };
}

/* Three significant digits at least, and never more than the nanoseconds that are known. */
static void say_time(struct words *words, int64_t value_ns)
{
	struct unit unit = unit_of(value_ns);
	double value = (double)value_ns / unit.ns;

	say(words, "%.*f %s", value < 10 ? 2 : 1, value, unit.name);
}

static void say_who(struct words *words, const struct ping_style *style)
{
	char address[ADDRESS_TEXT_CAPACITY];

	address_format(&style->address, address);
	if (style->name)
		say(words, "%s (%s)", style->name, address);
	else
		say(words, "%s", address);
}

void ping_line_start(const struct ping_style *style, const char *protocol,
		     char line[static PING_LINE_CAPACITY])
{
	struct words words = { line, PING_LINE_CAPACITY, 0 };

	say(&words, "PING ");
	say_who(&words, style);
	say(&words, ": %s, %u bytes of data, stamped in the kernel", protocol, style->bytes);
}

static void say_returned(struct words *words, const struct ping_style *style,
			 const struct sample *sample, uint64_t number, int64_t user_ns,
			 uint16_t port)
{
	say(words, "%u bytes from ", style->bytes);
	say_who(words, style);
	say(words, ": seq=%llu", (unsigned long long)number);
	if (port)
		say(words, " port=%u", port);
	if (sample->reply_ttl)
		say(words, " ttl=%u", sample->reply_ttl);
	if (!sample->has_rtt) {
		say(words, " time unknown: no room for its record");
		return;
	}
	say(words, " time=");
	say_time(words, sample->rtt_ns);
	if (style->user_time && user_ns >= 0) {
		say(words, " user=");
		say_time(words, user_ns);
	}
	if (sample->reordered)
		say(words, " (out of order)");
}

/* Which of "To X" (it did not get there), "No answer from X" and "From X". */
static const char *direction_of(const struct sample *sample)
{
	if (sample->late || sample->verdict == VERDICT_NONE || sample->verdict == VERDICT_REFUSED)
		return "From";
	if (sample->verdict == VERDICT_UNSTAMPED)
		return sample->unseen ? "From" : "To";
	return sample->never_left ? "To" : "No answer from";
}

static const char *what_became(const struct ping_style *style, const struct sample *sample)
{
	switch ((enum verdict)sample->verdict) {
	case VERDICT_LOST:
		return sample->never_left ? "unreachable: the next hop does not answer on the link"
					  : NULL;
	case VERDICT_REFUSED:
		return "port unreachable: nobody reflects there, or not for this node";
	case VERDICT_UNSTAMPED:
		return sample->unseen ? "answered, but where no program of ours sees it: no time"
		       : style->fragments ? "no stamp: it left in fragments, which are not stamped"
					  : "no stamp: it left where no program of ours sees it";
	default:
		return "duplicate";
	}
}

bool ping_line_sample(const struct ping_style *style, const struct sample *sample, uint64_t number,
		      int64_t user_ns, uint16_t port, char line[static PING_LINE_CAPACITY])
{
	struct words words = { line, PING_LINE_CAPACITY, 0 };

	line[0] = '\0';
	if (sample->verdict == VERDICT_NONE && !sample->late && !sample->duplicate)
		return false;
	if (sample->verdict == VERDICT_RETURNED) {
		say_returned(&words, style, sample, number, user_ns, port);
		return true;
	}
	say(&words, "%s ", direction_of(sample));
	say_who(&words, style);
	say(&words, ": seq=%llu", (unsigned long long)number);
	if (port)
		say(&words, " port=%u", port);
	if (sample->late) {
		say(&words, " late: answered after more than ");
		say_time(&words, style->timeout_ns);
	} else if (what_became(style, sample)) {
		say(&words, " %s", what_became(style, sample));
	} else {
		say(&words, " within ");
		say_time(&words, style->timeout_ns);
	}
	return true;
}

void ping_line_not_sent(const struct ping_style *style, uint64_t number, int error,
			char line[static PING_LINE_CAPACITY])
{
	struct words words = { line, PING_LINE_CAPACITY, 0 };

	say(&words, "To ");
	say_who(&words, style);
	say(&words, ": seq=%llu not sent: %s", (unsigned long long)number,
	    strerror(error < 0 ? -error : error));
}

/* RFC 792, RFC 1122, RFC 1812. */
static const char *describe_ipv4(const struct probe_error *error)
{
	static const char *const unreachable[] = {
		"network unreachable",
		"host unreachable",
		"protocol unreachable",
		"port unreachable",
		"too large for the next hop, and not to be fragmented",
		"source route failed",
		"network unknown",
		"host unknown",
		"source host isolated",
		"network prohibited",
		"host prohibited",
		"network unreachable for this TOS",
		"host unreachable for this TOS",
		"administratively prohibited",
	};

	if (error->type == 3 && error->code < sizeof(unreachable) / sizeof(unreachable[0]))
		return unreachable[error->code];
	if (error->type == 5)
		return "redirected";
	if (error->type == 11)
		return error->code == 0 ? "time to live exceeded" : "fragments missing";
	return NULL;
}

/* RFC 4443. */
static const char *describe_ipv6(const struct probe_error *error)
{
	static const char *const unreachable[] = {
		"no route",
		"administratively prohibited",
		"beyond the scope of the source address",
		"address unreachable",
		"port unreachable",
		"source address refused by policy",
		"route rejected",
	};

	if (error->type == 1 && error->code < sizeof(unreachable) / sizeof(unreachable[0]))
		return unreachable[error->code];
	if (error->type == 2)
		return "too large for the next hop";
	if (error->type == 3)
		return error->code == 0 ? "hop limit exceeded" : "fragments missing";
	return NULL;
}

void ping_line_error(const struct ping_style *style, uint64_t number,
		     const struct probe_error *error, char line[static PING_LINE_CAPACITY])
{
	struct words words = { line, PING_LINE_CAPACITY, 0 };
	const char *what = address_is_ipv4(&style->address) ? describe_ipv4(error)
							    : describe_ipv6(error);
	char from[ADDRESS_TEXT_CAPACITY];

	address_format(&error->from, from);
	say(&words, "From %s about ", from);
	say_who(&words, style);
	say(&words, ": seq=%llu ", (unsigned long long)number);
	if (what)
		say(&words, "%s", what);
	else
		say(&words, "ICMP type %u, code %u", error->type, error->code);
	if (error->mtu)
		say(&words, " (MTU %u)", error->mtu);
}

/* --- sums --- */

/* Of those whose fate is known. */
static void say_loss(struct words *words, const struct peer_stats *stats)
{
	uint64_t lost = stats->lost + stats->refused;
	uint64_t known = lost + stats->returned;

	if (known)
		say(words, ", %.4g%% loss", 100 * (double)lost / (double)known);
}

static void say_some(struct words *words, uint64_t count, const char *what)
{
	if (count)
		say(words, ", %llu %s", (unsigned long long)count, what);
}

static void say_figures(struct words *words, const char *what, struct ping_figures *figures)
{
	int64_t mean_ns = ping_figures_mean_ns(figures);
	struct unit unit = unit_of(mean_ns);

	if (figures->count == 0)
		return;
	say(words, "%s min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f %s", what,
	    (double)figures->least_ns / unit.ns, (double)mean_ns / unit.ns,
	    (double)figures->most_ns / unit.ns,
	    (double)ping_figures_deviation_ns(figures) / unit.ns, unit.name);
	say(words, "\n     p50/p90/p99 = %.3f/%.3f/%.3f %s",
	    (double)ping_figures_percentile_ns(figures, 500) / unit.ns,
	    (double)ping_figures_percentile_ns(figures, 900) / unit.ns,
	    (double)ping_figures_percentile_ns(figures, 990) / unit.ns, unit.name);
	if (figures->count > PING_LAST)
		say(words, " (of the last %d)", PING_LAST);
	say(words, "\n");
}

void ping_summary(const struct ping_style *style, const struct ping_account *account,
		  char text[static PING_SUMMARY_CAPACITY])
{
	struct words words = { text, PING_SUMMARY_CAPACITY, 0 };
	const struct peer_stats *stats = account->stats;

	say(&words, "--- ");
	say_who(&words, style);
	say(&words, " ping statistics ---\n%llu sent, %llu received",
	    (unsigned long long)stats->sent, (unsigned long long)stats->returned);
	say_loss(&words, stats);
	say_some(&words, stats->refused, "refused");
	say_some(&words, stats->late, "late");
	say_some(&words, stats->duplicate, stats->duplicate == 1 ? "duplicate" : "duplicates");
	say_some(&words, stats->reordered, "out of order");
	say_some(&words, account->errors, account->errors == 1 ? "ICMP error" : "ICMP errors");
	say_some(&words, account->not_sent, "not sent");
	say_some(&words, stats->unstamped, "without a stamp");
	say_some(&words, stats->dropped, "without a time");
	say_some(&words, account->in_flight, "in flight");
	say(&words, ", ");
	say_time(&words, account->elapsed_ns);
	say(&words, "\n");
	say_figures(&words, "rtt ", account->kernel);
	if (style->user_time)
		say_figures(&words, "user", account->user);
}

void ping_interim(const struct ping_style *style, const struct ping_account *account,
		  char line[static PING_LINE_CAPACITY])
{
	struct words words = { line, PING_LINE_CAPACITY, 0 };
	const struct ping_figures *figures = account->kernel;
	int64_t mean_ns = ping_figures_mean_ns(figures);
	struct unit unit = unit_of(mean_ns);

	say_who(&words, style);
	say(&words, ": %llu/%llu packets", (unsigned long long)account->stats->returned,
	    (unsigned long long)account->stats->sent);
	say_loss(&words, account->stats);
	if (figures->count)
		say(&words, ", min/avg/ewma/max = %.2f/%.2f/%.2f/%.2f %s",
		    (double)figures->least_ns / unit.ns, (double)mean_ns / unit.ns,
		    figures->smoothed_ns / unit.ns, (double)figures->most_ns / unit.ns, unit.name);
}
