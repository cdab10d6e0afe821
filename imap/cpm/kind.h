// What an object is, from everything that tells it (docs/decisions/0031). Pure. Runs on: any thread.
#pragma once

#include "imap/cpm/layout.h"
#include "schema/object_facts.h"

#include <string_view>

namespace cpm::imap::cpm_objects {

struct Evidence {
  std::string_view description;  // "session" or "file-transfer": an Application/X-CPM-… root is in it; empty: none
  std::string_view type;         // media type of the content, behind CPIM, lower case
  std::string_view context;      // of Message-Context
  std::string_view service;
  Place::Kind place = Place::Kind::none;
  bool in_session = false;  // its CPIM header or identifiers are those of a session
  bool text = true;         // something in the content is text
};

[[nodiscard]] schema::ObjectKind kind_of(const Evidence& evidence);

// Whether a content type (lower case, parameters may follow) is one that only CPM objects have.
[[nodiscard]] bool is_cpm_type(std::string_view content_type);

// text/* that people read: vcards and calendars are media.
[[nodiscard]] bool is_readable(std::string_view type);

}  // namespace cpm::imap::cpm_objects
