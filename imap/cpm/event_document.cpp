#include "imap/cpm/event_document.h"

#include "base/imap_words.h"
#include "imap/cpm/text.h"
#include "imap/cpm/xml.h"
#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <charconv>

namespace cpm::imap::cpm_objects {

namespace {

Error invalid(std::string text) { return fail(Failure::invalid, "Event document: " + std::move(text)); }

// What an error may repeat of the document.
std::string quoted(std::string_view text) { return "\"" + clean(text.substr(0, 100)) + "\""; }

// A flag of IMAP: an atom, with a backslash before it if it is a system flag (RFC 9051 9).
bool is_flag(std::string_view text) {
  if (text.starts_with('\\')) text.remove_prefix(1);
  return text.size() <= 255 && is_atom(text);
}

class Reader {
 public:
  Result<EventDocument> read(const pugi::xml_node& root) {
    for (const pugi::xml_node& event : root.children()) {
      if (event.type() != pugi::node_element) continue;
      if (local_name(event) != "event-cpm-imap")
        return fail(Failure::unsupported, "Event document: unknown event " + quoted(local_name(event)));
      const std::string_view type = trim(attribute(event, "type"));
      if (!mime::equals_ignore_case(type, "flags"))
        return fail(Failure::unsupported, "Event document: unknown type of event " + quoted(type));
      for (const pugi::xml_node& node : event.children())
        if (node.type() == pugi::node_element) CPM_CHECK(operation(node));
    }
    return std::move(out_);
  }

 private:
  Result<void> operation(const pugi::xml_node& node) {
    if (local_name(node) != "operation") return invalid("unknown element " + quoted(local_name(node)));
    EventOperation operation;
    const std::string_view name = trim(attribute(node, "name"));
    operation.add = mime::equals_ignore_case(name, "add");
    if (!operation.add && !mime::equals_ignore_case(name, "remove"))
      return invalid("unknown operation " + quoted(name));
    operation.flag = trim(attribute(node, "flag"));
    if (!is_flag(operation.flag)) return invalid(quoted(operation.flag) + " is no flag");
    for (const pugi::xml_node& element : node.children()) {
      if (element.type() != pugi::node_element) continue;
      if (local_name(element) != "object") return invalid("unknown element " + quoted(local_name(element)));
      if (++objects_ > kMostEventObjects) return fail(Failure::limit, "Event document: too many objects");
      CPM_TRY(object, read_object(element));
      operation.objects.push_back(std::move(object));
    }
    out_.operations.push_back(std::move(operation));
    return {};
  }

  Result<EventObject> read_object(const pugi::xml_node& node) const {
    const std::string where = "object " + std::to_string(objects_) + ": ";
    EventObject object;
    if (const std::string_view uid = trim(attribute(node, "uid")); !uid.empty()) {
      const auto [end, error] = std::from_chars(uid.data(), uid.data() + uid.size(), object.uid);
      if (error != std::errc{} || end != uid.data() + uid.size() || object.uid == 0)
        return invalid(where + quoted(uid) + " is no UID");
    }
    std::string_view folder = trim(attribute(node, "folder-path"));
    while (folder.ends_with('/')) folder.remove_suffix(1);
    object.folder = folder;
    object.conversation_id = text_of(child(node, "conversation-id"));
    object.contribution_id = text_of(child(node, "contribution-id"));
    object.other_party = text_of(child(node, "other-party"));
    object.message_id = text_of(child(node, "message-id"));
    for (const std::string* text :
         {&object.folder, &object.conversation_id, &object.contribution_id, &object.other_party, &object.message_id})
      if (text->size() > kFactOctets || !mime::valid_in(*text, "utf-8") || text->find('\0') != std::string::npos)
        return invalid(where + "a text is too long or not UTF-8");
    if (object.uid != 0 && object.folder.empty() && object.message_id.empty())
      return invalid(where + "a UID without folder-path names no message");
    if (object.uid == 0 && object.message_id.empty())
      return invalid(where + "neither uid and folder-path nor message-id are told");
    return object;
  }

  EventDocument out_;
  std::size_t objects_ = 0;
};

}  // namespace

Result<EventDocument> read_event_document(std::string_view octets) {
  if (octets.size() > kEventDocumentOctets) return fail(Failure::limit, "Event document: too long");
  const Xml xml(octets);
  if (!xml.well_formed) return invalid("not well-formed XML");
  const pugi::xml_node root = xml.document.document_element();
  const auto is_element = [](const pugi::xml_node& node) { return node.type() == pugi::node_element; };
  const auto roots = xml.document.children();
  if (std::count_if(roots.begin(), roots.end(), is_element) > 1) return invalid("more than one document");
  if (octets.find("&#0") != std::string_view::npos || octets.find("&#x0") != std::string_view::npos)
    return invalid("a character reference to NUL");
  if (local_name(root) != "cpm-evfw") return invalid("the document is " + quoted(local_name(root)) + ", not cpm-evfw");
  return Reader().read(root);
}

}  // namespace cpm::imap::cpm_objects
