// What others changed in annotations of messages of the selected mailbox: for sessions that selected it with (ANNOTATE)
// (RFC 5257 4.4) or asked for AnnotationChange by NOTIFY (RFC 5465 5.1). Told by session/updates.h, with the flags.
// Runs on: session strand.
#pragma once

#include "imap/session/session.h"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <string>
#include <vector>

namespace cpm::imap {

using AnnotationNames = std::map<std::uint32_t, std::vector<std::string>>;  // entries, by UID

// Whether this session is to be told now.
[[nodiscard]] bool wants_annotations(const Session& session);

// What changed since the session was told, of messages that it knows. Nothing when it does not want it.
boost::asio::awaitable<Result<AnnotationNames>> annotation_news(Session& session, const Snapshot& latest);

// What changed since `since`, for SELECT (QRESYNC …).
boost::asio::awaitable<Result<AnnotationNames>> annotations_since(Session& session, ModSeq since);

}  // namespace cpm::imap
