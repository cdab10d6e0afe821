#include "imap/cpm/event_document.h"

#include <gtest/gtest.h>

namespace cpm::imap::cpm_objects {
namespace {

// cpm-message-storage 1.12, verbatim.
constexpr std::string_view kSample = R"(<cpm-evfw xmlns="urn:oma:xml:cpm:evfw">
 <event-cpm-imap type="flags" index="0">
  <operation name="add" flag="\Seen">
   <object uid="5" folder-path="Default/tel:+33600000002/"><message-id>msg-a1</message-id></object>
   <object><conversation-id>c1</conversation-id><contribution-id>c1</contribution-id><other-party>tel:+33600000002</other-party><message-id>Msg8</message-id></object>
  </operation>
  <operation name="add" flag="\Deleted"><object uid="6" folder-path="Default/tel:+33600000002/"><message-id>MsgA</message-id></object></operation>
 </event-cpm-imap>
</cpm-evfw>)";

// The text around an operation's objects.
std::string with(std::string_view objects) {
  return R"(<cpm-evfw><event-cpm-imap type="flags"><operation name="add" flag="\Seen">)" + std::string(objects) +
         "</operation></event-cpm-imap></cpm-evfw>";
}

std::string refusal(std::string_view document, Failure failure = Failure::invalid) {
  const auto read = read_event_document(document);
  if (read) return "read";
  EXPECT_EQ(read.error().failure, failure);
  return read.error().text;
}

TEST(EventDocument, ReadsTheSample) {
  const auto read = read_event_document(kSample);
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->operations.size(), 2U);
  const EventOperation& seen = read->operations[0];
  EXPECT_TRUE(seen.add);
  EXPECT_EQ(seen.flag, "\\Seen");
  ASSERT_EQ(seen.objects.size(), 2U);
  EXPECT_EQ(seen.objects[0], (EventObject{5, "Default/tel:+33600000002", "", "", "", "msg-a1"}));
  EXPECT_EQ(seen.objects[1], (EventObject{0, "", "c1", "c1", "tel:+33600000002", "Msg8"}));
  EXPECT_EQ(read->operations[1].flag, "\\Deleted");
  EXPECT_EQ(read->operations[1].objects,
            (std::vector<EventObject>{{6, "Default/tel:+33600000002", "", "", "", "MsgA"}}));
}

TEST(EventDocument, ReadsPrefixesRemovalAndEntities) {
  const auto read = read_event_document(
      "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<e:cpm-evfw xmlns:e=\"urn:oma:xml:cpm:evfw\">"
      "<e:event-cpm-imap type=\"Flags\" index=\"0\"><!-- a --><e:operation name=\"REMOVE\" flag=\"$Work\">"
      "<e:object uid=\"4294967295\" folder-path=\"a&amp;b\"/></e:operation></e:event-cpm-imap></e:cpm-evfw>");
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->operations.size(), 1U);
  EXPECT_FALSE(read->operations[0].add);
  EXPECT_EQ(read->operations[0].flag, "$Work");
  EXPECT_EQ(read->operations[0].objects, (std::vector<EventObject>{{4294967295U, "a&b", "", "", "", ""}}));
}

TEST(EventDocument, AnEmptyDocumentHasNothingToDo) {
  const auto read = read_event_document("<cpm-evfw/>");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->operations.empty());
}

TEST(EventDocument, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "Event document: not well-formed XML");
  EXPECT_EQ(refusal("<cpm-evfw>"), "Event document: not well-formed XML");
  EXPECT_EQ(refusal("<x/>"), "Event document: the document is \"x\", not cpm-evfw");
  EXPECT_EQ(refusal("<cpm-evfw><event-cpm-imap type=\"flags\"><operation name=\"set\" "
                    "flag=\"\\Seen\"/></event-cpm-imap></cpm-evfw>"),
            "Event document: unknown operation \"set\"");
  EXPECT_EQ(refusal("<cpm-evfw><event-cpm-imap type=\"flags\"><operation name=\"add\" flag=\"a "
                    "b\"/></event-cpm-imap></cpm-evfw>"),
            "Event document: \"a b\" is no flag");
  EXPECT_EQ(refusal("<cpm-evfw><event-cpm-imap type=\"flags\"><operation name=\"add\"/></event-cpm-imap></cpm-evfw>"),
            "Event document: \"\" is no flag");
  EXPECT_EQ(refusal(with("<object/>")),
            "Event document: object 1: neither uid and folder-path nor message-id are told");
  EXPECT_EQ(refusal(with("<object uid=\"5\"/>")),
            "Event document: object 1: a UID without folder-path names no message");
  EXPECT_EQ(refusal(with("<object><conversation-id>c</conversation-id></object>")),
            "Event document: object 1: neither uid and folder-path nor message-id are told");
  for (const char* uid : {"0", "-1", "x", "4294967296", "5x", "99999999999999999999"})
    EXPECT_EQ(refusal(with("<object uid=\"" + std::string(uid) + "\" folder-path=\"a\"/>")),
              "Event document: object 1: \"" + std::string(uid) + "\" is no UID");
  EXPECT_EQ(refusal(with("<thing/>")), "Event document: unknown element \"thing\"");
  EXPECT_EQ(refusal(with("<object><message-id>" + std::string(2000, 'a') + "</message-id></object>")),
            "Event document: object 1: a text is too long or not UTF-8");
  EXPECT_EQ(refusal(with("<object><message-id>\xff\xfe</message-id></object>")),
            "Event document: object 1: a text is too long or not UTF-8");
  EXPECT_EQ(refusal("<cpm-evfw><event-cpm-imap type=\"other\"/></cpm-evfw>", Failure::unsupported),
            "Event document: unknown type of event \"other\"");
  EXPECT_EQ(refusal("<cpm-evfw><event-x/></cpm-evfw>", Failure::unsupported),
            "Event document: unknown event \"event-x\"");
}

TEST(EventDocument, IsBounded) {
  EXPECT_EQ(refusal(std::string(kEventDocumentOctets + 1, ' '), Failure::limit), "Event document: too long");
  std::string many;
  for (std::size_t i = 0; i <= kMostEventObjects; ++i) many += "<object uid='5' folder-path='a'/>";
  EXPECT_EQ(refusal(with(many), Failure::limit), "Event document: too many objects");
  std::string deep;
  while (deep.size() < kEventDocumentOctets - 10) deep += "<a>";
  EXPECT_EQ(refusal(deep), "Event document: not well-formed XML");
}

TEST(EventDocument, ReadsNoEntitiesOfADtd) {
  EXPECT_EQ(refusal("<!DOCTYPE cpm-evfw [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" +
                    with("<object><message-id>&a;</message-id></object>")),
            "read");
  const auto read = read_event_document("<!DOCTYPE cpm-evfw [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" +
                                        with("<object><message-id>&a;</message-id></object>"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->operations[0].objects[0].message_id, "&a;") << "nothing is put in its place";
}

}  // namespace
}  // namespace cpm::imap::cpm_objects
