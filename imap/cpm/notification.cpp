#include "imap/cpm/notification.h"

#include "imap/cpm/xml.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>

namespace cpm::imap::cpm_objects {

namespace {

using schema::Disposition;

struct Status {
  std::string_view name;
  Disposition disposition;
};
constexpr std::array<Status, 7> kStatus = {{{"delivered", Disposition::delivered},
                                            {"processed", Disposition::processed},
                                            {"stored", Disposition::stored},
                                            {"displayed", Disposition::displayed},
                                            {"failed", Disposition::failed},
                                            {"forbidden", Disposition::forbidden},
                                            {"error", Disposition::error}}};

Disposition status_in(const pugi::xml_node& status) {
  for (const Status& known : kStatus)
    if (child(status, known.name)) return known.disposition;
  return Disposition::none;
}

}  // namespace

Notification read_notification(std::string_view text) {
  Notification out;
  const Xml xml(text);
  const pugi::xml_node root = xml.root("imdn");
  out.message_id = text_of(child(root, "message-id"));
  if (const auto date = mime::parse_date(text_of(child(root, "datetime")))) out.moment = date->time;
  for (const std::string_view name : {"delivery-notification", "processing-notification", "display-notification"})
    out.disposition = std::max(out.disposition, status_in(child(child(root, name), "status")));
  // The message left for another network (CPM's extension of IMDN).
  const pugi::xml_node other = child(child(root, "interworking-notification"), "status");
  if (child(other, "legacy-sms") || child(other, "legacy-mms"))
    out.disposition = std::max(out.disposition, Disposition::processed);
  return out;
}

}  // namespace cpm::imap::cpm_objects
