/** All photos of the report. */

import { Grid } from "../grid";
import { count } from "../format";
import { usePromise, useReport } from "../report";
import { toImage } from "../route";

const SIZE = 112;

export function PhotosPage() {
  const { photos, model } = useReport();
  return (
    <div class="page fill">
      <div class="bar-of-tools">
        <h1>Photos</h1>
        <span class="quiet">{count(photos.length, "photo")} of the {count(model.images.count, "image")} that the network was looked at with. Choose one to see what it excites.</span>
      </div>
      <Grid label="Photos" count={photos.length} width={SIZE + 8} height={SIZE + 30} version="photos" cell={(photo) => <Thumbnail photo={photo} />} />
    </div>
  );
}

function Thumbnail({ photo }: { photo: number }) {
  const report = useReport();
  const address = usePromise(report.photo(photo));
  const name = report.photos[photo]!.name;
  return (
    <a class="map" style={{ "--size": `${SIZE}px` }} href={toImage(photo)}>
      <span class="tiles" style={{ height: SIZE }}>{address && <img src={address} alt="" loading="lazy" />}</span>
      <span class="caption"><span>{name}</span></span>
    </a>
  );
}
