import { textAt, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observe } from './observe.ts';

/** Approves and signs the certificate requests of kubelets. */
export function runRequestSigner(context: ControllerContext): void {
  const { store, authority, log } = context;
  observe(context, [resourceTypes.signingRequests], async ({ type, object }) => {
    const { name } = object.metadata;
    if (
      type !== 'ADDED' ||
      textAt(object, 'spec', 'signerName') !== 'kubernetes.io/kube-apiserver-client-kubelet'
    )
      return;
    const request = Buffer.from(textAt(object, 'spec', 'request'), 'base64').toString();
    const { certificate, subject } = await authority.signRequest(request);
    if (!subject.includes('CN=system:node:') || !subject.includes('O=system:nodes')) {
      log('kube-controller-manager', `csr ${name}: not a kubelet's subject`);
      return;
    }
    const now = timestamp();
    store.modify(resourceTypes.signingRequests, name, undefined, (csr) => {
      csr.status = {
        certificate: Buffer.from(certificate).toString('base64'),
        conditions: [
          {
            type: 'Approved',
            status: 'True',
            reason: 'AutoApproved',
            message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
            lastUpdateTime: now,
            lastTransitionTime: now,
          },
        ],
      };
    });
  });
}
