#include "imap/cpm/facts.h"

#include "imap/cpm/content.h"
#include "imap/cpm/cpim.h"
#include "imap/cpm/group_state.h"
#include "imap/cpm/header_facts.h"
#include "imap/cpm/kind.h"
#include "imap/cpm/location.h"
#include "imap/cpm/notification.h"
#include "imap/cpm/parties.h"
#include "imap/cpm/session_object.h"
#include "imap/cpm/text.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace cpm::imap::cpm_objects {

namespace {

using schema::ObjectFacts;
using schema::ObjectKind;

constexpr std::size_t kMostParticipants = 200;

bool is_history(const Place& place) {
  return place.kind == Place::Kind::conversation || place.kind == Place::Kind::session;
}

// Where groups are made; nobody who talks.
bool is_factory(std::string_view address) {
  static constexpr std::string_view kFactory = "sip:conference-factory@";
  return mime::equals_ignore_case(address.substr(0, kFactory.size()), kFactory);
}

// A conversation named by a person's address has two parties; mail-like names are also Conversation-IDs of groups.
bool is_one_to_one(std::string_view conversation) {
  return conversation.starts_with("tel:") || conversation.starts_with("sip:");
}

// A clock that was never set tells nothing.
std::optional<std::chrono::sys_seconds> moment_of(std::string_view text) {
  const auto date = mime::parse_date(text);
  if (!date || date->time.time_since_epoch().count() <= 0) return std::nullopt;
  return date->time;
}

// Reads the facts of one object of CPM.
class Recogniser {
 public:
  Recogniser(ByteSource& octets, const mime::Part& message, const Place& place, const HeaderFacts& header,
             ObjectFacts& facts)
      : place_(place), header_(header), facts_(facts) {
    content_.octets = &octets;
    content_.part = &message;
    content_.content_type = header.content_type;
    if (message.is("message", "cpim")) cpim_ = std::make_unique<Cpim>(octets, message);
    if (!cpim_) return;
    content_.octets = &cpim_->content_octets();
    content_.part = &cpim_->content();
    content_.content_type = mime::ascii_lower(cpim_->content_type());
    content_.known_to = cpim_->content_known_to();
  }

  void run() {
    leaves_ = leaves_of(content_);
    description_ = description_of(content_);
    read_envelope();
    decide();
    read_content();
    finish();
  }

 private:
  // Names, times and texts of the header and of CPIM.
  void read_envelope() {
    if (cpim_ && facts_.imdn_message_id.empty()) {
      // The report on it will name this one. SEARCH must go on looking at the header itself.
      facts_.imdn_message_id = clean(cpim_->value("Message-ID", kImdnNamespace));
      if (!facts_.imdn_message_id.empty()) facts_.exact = false;
    }
    facts_.conversation = clean(conversation_name(place_, facts_.conversation_id));
    facts_.subject = clean_words(header_.subject);
    facts_.moment = moment_of(header_.date_time);
    const std::vector<std::string> from = read_parties(header_.from);
    const std::vector<std::string> recipients = read_parties(header_.recipients);
    name(recipients);
    several_ = distinct(recipients) > 1;
    const std::vector<std::string> inner_from = cpim_ ? read_parties(cpim_->list("From")) : std::vector<std::string>{};
    // In a group the header names the group, CPIM the person.
    const std::vector<std::string>& author = inner_from.empty() ? from : inner_from;
    name(author);
    if (!author.empty()) facts_.sender = author.front();
    if (!cpim_) return;
    const std::vector<std::string> inner_to = read_parties(cpim_->list("To") + ", " + cpim_->list("cc"));
    name(inner_to);
    several_ = several_ || distinct(inner_to) > 1;
    anonymous_ = inner_from.empty() && !cpim_->value("From").empty();
    if (facts_.subject.empty()) facts_.subject = clean_words(cpim_->value("Subject"));
    if (const auto moment = moment_of(cpim_->value("DateTime"))) facts_.moment = moment;
  }

  void decide() {
    Evidence evidence;
    evidence.description = description_;
    evidence.type = content_.type();
    evidence.context = facts_.context;
    evidence.service = facts_.service;
    evidence.place = place_.kind;
    const bool one_chat = !facts_.conversation_id.empty() && facts_.conversation_id == facts_.contribution_id;
    evidence.in_session = cpim_ && (anonymous_ || one_chat);
    evidence.text = leaves_.text != nullptr || leaves_.files.empty();
    facts_.kind = kind_of(evidence);
    facts_.generation = generation();
    const bool one_folder = !place_.session.empty() && place_.session == place_.conversation;
    facts_.group = header_.group || several_ ||
                   (facts_.generation == 2 && (one_chat || one_folder) && !is_one_to_one(facts_.conversation));
  }

  // The form of the body tells it, else the fields.
  [[nodiscard]] int generation() const {
    if (!description_.empty() && content_.type().starts_with("multipart/")) return 1;
    if (cpim_ || !description_.empty() || header_.second) return 2;
    if (content_.type() == "application/vnd.gsma.rcs-ft-http+xml") return 2;
    return header_.cpm ? 1 : 0;
  }

  void read_content() {
    switch (facts_.kind) {
      case ObjectKind::session_info: read_session(); break;
      case ObjectKind::group_state: read_state(); break;
      case ObjectKind::notification: read_report(); break;
      case ObjectKind::file_transfer: read_transfer(); break;
      case ObjectKind::mail:
      case ObjectKind::signal: break;
      default: read_message();
    }
  }

  void read_session() {
    const SessionObject session = read_session_object(description_text(content_));
    invited(session);
  }

  void invited(const SessionObject& object) {
    facts_.session_type = clean(object.type);
    std::vector<std::string> all;
    for (const std::string& list : object.participants)
      for (std::string& address : read_parties(list)) all.push_back(std::move(address));
    name(all);
    const bool pair = facts_.session_type.empty() || mime::equals_ignore_case(facts_.session_type, "1-1");
    facts_.group = facts_.group || !pair || distinct(all) > 1;
  }

  void read_state() {
    facts_.group = true;
    const GroupState state = read_group_state(read_body(*content_.octets, *content_.part));
    if (state.moment) facts_.moment = state.moment;
    facts_.focus = clean(state.focus);
    facts_.group_type = clean(state.type);
    for (const std::string& address : state.participants) name(read_parties(address));
  }

  void read_report() {
    const Notification report = read_notification(read_body(*content_.octets, *content_.part));
    facts_.reports_on = clean(report.message_id);
    facts_.disposition = report.disposition;
    if (report.moment) facts_.moment = report.moment;
  }

  void read_transfer() {
    std::vector<TransferredFile> files;
    if (!description_.empty()) {
      files = described_files();
    } else if (content_.type() == "application/vnd.gsma.rcs-ft-http+xml") {
      files = read_file_document(read_body(*content_.octets, *content_.part));
    }
    if (files.empty()) files = attached_files();
    keep(files);
    facts_.preview = preview_of(facts_.file_name.empty() ? facts_.file_type : facts_.file_name);
  }

  // First generation: SDP says what the files are; what it leaves out, their parts say.
  std::vector<TransferredFile> described_files() {
    const SessionObject object = read_session_object(description_text(content_));
    invited(object);
    std::vector<TransferredFile> files;
    std::vector<std::string> icons;
    for (const SessionObject::Medium& medium : object.media) {
      TransferredFile file = read_file_sdp(medium.sdp);
      if (!file.icon.empty()) icons.push_back(file.icon);
      files.push_back(std::move(file));
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::string& cid = object.media[i].cid;
      files[i].thumbnail =
          files[i].thumbnail || (!cid.empty() && std::find(icons.begin(), icons.end(), cid) != icons.end());
      if (const mime::Part* part = part_of(cid, files.size())) complete(files[i], file_of(content_, *part));
    }
    return files;
  }

  // The part with that Content-ID; or the only part, when there is one file.
  [[nodiscard]] const mime::Part* part_of(std::string_view cid, std::size_t files) const {
    if (files > 20) return nullptr;
    for (const mime::Part* part : leaves_.files)
      if (!cid.empty() && part->id && bare_content_id(*part->id) == cid) return part;
    return files == 1 && leaves_.files.size() == 1 ? leaves_.files.front() : nullptr;
  }

  static void complete(TransferredFile& file, TransferredFile part) {
    if (file.name.empty()) file.name = std::move(part.name);
    if (file.type.empty()) file.type = std::move(part.type);
    if (!file.size) file.size = part.size;
  }

  std::vector<TransferredFile> attached_files() {
    std::vector<TransferredFile> files;
    if (content_.part->kind == mime::Kind::leaf && content_.type().ends_with("+xml")) return files;
    for (const mime::Part* part : leaves_.files) {
      // Of all but the first only the number is kept.
      if (files.empty()) {
        files.push_back(file_of(content_, *part));
      } else {
        files.emplace_back();
      }
    }
    return files;
  }

  void keep(const std::vector<TransferredFile>& files) {
    bool first = true;
    for (const TransferredFile& file : files) {
      if (file.thumbnail) continue;
      ++facts_.file_parts;
      if (!first) continue;
      first = false;
      facts_.file_name = clean_words(file.name);
      facts_.file_type = clean(file.type);
      facts_.file_size = file.size;
    }
  }

  void read_message() {
    if (content_.type() == "application/vnd.gsma.rcspushlocation+xml") {
      facts_.preview = preview_of(clean(describe_location(read_body(*content_.octets, *content_.part))));
      if (facts_.preview.empty()) facts_.preview = content_.type();
      return;
    }
    keep(attached_files());
    if (leaves_.text != nullptr) facts_.preview = preview_of(*content_.octets, *leaves_.text);
    if (!facts_.preview.empty() || leaves_.files.empty()) return;
    facts_.preview = preview_of(!facts_.file_name.empty()   ? facts_.file_name
                                : !facts_.file_type.empty() ? facts_.file_type
                                                            : clean(content_.type()));
  }

  void name(const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses)
      if (!is_factory(address)) facts_.participants.push_back(address);
  }

  static std::size_t distinct(std::vector<std::string> addresses) {
    std::erase_if(addresses, [](const std::string& address) { return is_factory(address); });
    std::sort(addresses.begin(), addresses.end());
    return static_cast<std::size_t>(std::unique(addresses.begin(), addresses.end()) - addresses.begin());
  }

  void finish() {
    auto& all = facts_.participants;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (all.size() > kMostParticipants) all.resize(kMostParticipants);
  }

  const Place& place_;
  const HeaderFacts& header_;
  ObjectFacts& facts_;
  std::unique_ptr<Cpim> cpim_;
  Content content_;
  Leaves leaves_;
  std::string_view description_;
  bool anonymous_ = false;  // CPIM names a sender whom nobody knows, as in the sessions of two
  bool several_ = false;    // recipients
};

// Decided from the header alone: most messages of a store may be mail.
bool is_cpm(const HeaderFacts& header, const mime::Part& message, const Place& place) {
  if (header.cpm || is_history(place) || is_cpm_type(header.content_type)) return true;
  return !message.children.empty() && is_cpm_type(media_type(message.children.front()));
}

}  // namespace

ObjectFacts recognise(std::string_view header, ByteSource& octets, const mime::Part& message, const Place& place) {
  ObjectFacts facts;
  const HeaderFacts fields = read_header(header, facts);
  if (is_cpm(fields, message, place)) {
    Recogniser(octets, message, place, fields, facts).run();
  } else {
    facts.context.clear();
  }
  return facts;
}

}  // namespace cpm::imap::cpm_objects
