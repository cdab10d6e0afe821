// Disposition notifications: message/imdn+xml (RFC 5438 7), cpm-message-storage 1.4. Pure. Runs on: any thread.
#pragma once

#include "schema/object_facts.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

struct Notification {
  std::string message_id;  // the IMDN-Message-ID of the message it is about; empty: not told
  std::optional<std::chrono::sys_seconds> moment;
  schema::Disposition disposition = schema::Disposition::none;
};

// Never fails: what is not there, or not read in a malformed document, stays empty. Elements of other vocabularies
// beside (urn:oma:xml:cpm:imdn-extensions:1.0) are passed over.
[[nodiscard]] Notification read_notification(std::string_view xml);

}  // namespace cpm::imap::cpm_objects
