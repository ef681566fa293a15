/* SPDX-License-Identifier: Apache-2.0 */
/* libelf's messages in English only. */
#define dgettext(domain, text) ((void)(domain), (text))
#define gettext(text) (text)
